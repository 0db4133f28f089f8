package org.androidpn.client

/**
 * The names that apps of the original androidpn client use: of its preference file, of the keys in it, of the extras and of the
 * actions. Their values are the original's, so what an app stored or sends under them is found.
 */
object Constants {
    /** The private preference file that holds all the keys below. */
    const val SHARED_PREFERENCE_NAME: String = "client_preferences"

    /** String: the package of the activity that constructed the [ServiceManager]. */
    const val CALLBACK_ACTIVITY_PACKAGE_NAME: String = "CALLBACK_ACTIVITY_PACKAGE_NAME"

    /** String: the class of the activity that constructed the [ServiceManager]; the details' Ok leads back to it. */
    const val CALLBACK_ACTIVITY_CLASS_NAME: String = "CALLBACK_ACTIVITY_CLASS_NAME"

    /** String: `apiKey` of the properties file, which is the app key of a Longwire server. */
    const val API_KEY: String = "API_KEY"

    /** String: the version of this library. */
    const val VERSION: String = "VERSION"

    /** String: `xmppHost` of the properties file. */
    const val XMPP_HOST: String = "XMPP_HOST"

    /** Int: `xmppPort` of the properties file. */
    const val XMPP_PORT: String = "XMPP_PORT"

    /** String: the account that the original client had registered. Left as it was found; nothing is written to it. */
    const val XMPP_USERNAME: String = "XMPP_USERNAME"

    /** String: the password of [XMPP_USERNAME]. Left as it was found; nothing is written to it. */
    const val XMPP_PASSWORD: String = "XMPP_PASSWORD"

    /** String: the phone's serial number as the original client stored it. Left as it was found; nobody asks for it any more. */
    const val DEVICE_ID: String = "DEVICE_ID"

    /** String: as [DEVICE_ID], on an emulator. */
    const val EMULATOR_DEVICE_ID: String = "EMULATOR_DEVICE_ID"

    /** Int: the drawable that [ServiceManager.setNotificationIcon] was given. */
    const val NOTIFICATION_ICON: String = "NOTIFICATION_ICON"

    /** Boolean, true when absent: whether pushes are shown at all. Broadcasts are sent in both cases. */
    const val SETTINGS_NOTIFICATION_ENABLED: String = "SETTINGS_NOTIFICATION_ENABLED"

    /** Boolean, true when absent: whether a notification makes a sound. */
    const val SETTINGS_SOUND_ENABLED: String = "SETTINGS_SOUND_ENABLED"

    /** Boolean, true when absent: whether a notification vibrates. */
    const val SETTINGS_VIBRATE_ENABLED: String = "SETTINGS_VIBRATE_ENABLED"

    /** Boolean, false when absent: whether the message also appears as a toast. */
    const val SETTINGS_TOAST_ENABLED: String = "SETTINGS_TOAST_ENABLED"

    /** String extra: the id of the notification. */
    const val NOTIFICATION_ID: String = "NOTIFICATION_ID"

    /** String extra: [API_KEY] of the preferences. */
    const val NOTIFICATION_API_KEY: String = "NOTIFICATION_API_KEY"

    /** String extra: the title, empty when there is none. */
    const val NOTIFICATION_TITLE: String = "NOTIFICATION_TITLE"

    /** String extra: the body, empty when there is none. */
    const val NOTIFICATION_MESSAGE: String = "NOTIFICATION_MESSAGE"

    /** String extra: the URL, empty when there is none. */
    const val NOTIFICATION_URI: String = "NOTIFICATION_URI"

    /** Broadcast when a push has come. */
    const val ACTION_SHOW_NOTIFICATION: String = "org.androidpn.client.SHOW_NOTIFICATION"

    /** Broadcast when its notification was tapped. */
    const val ACTION_NOTIFICATION_CLICKED: String = "org.androidpn.client.NOTIFICATION_CLICKED"

    /** Broadcast when its notification was swiped away. */
    const val ACTION_NOTIFICATION_CLEARED: String = "org.androidpn.client.NOTIFICATION_CLEARED"
}
