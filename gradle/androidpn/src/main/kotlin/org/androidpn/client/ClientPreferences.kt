package org.androidpn.client

import android.app.Activity
import android.content.Context
import android.content.SharedPreferences
import android.content.res.Resources

/** The preference file of the original client, by its keys. */
internal class ClientPreferences(
    context: Context,
) {
    val file: SharedPreferences = context.getSharedPreferences(Constants.SHARED_PREFERENCE_NAME, Context.MODE_PRIVATE)

    val apiKey: String get() = file.getString(Constants.API_KEY, null).orEmpty()
    val isNotificationEnabled: Boolean get() = file.getBoolean(Constants.SETTINGS_NOTIFICATION_ENABLED, true)
    val isSoundEnabled: Boolean get() = file.getBoolean(Constants.SETTINGS_SOUND_ENABLED, true)
    val isVibrateEnabled: Boolean get() = file.getBoolean(Constants.SETTINGS_VIBRATE_ENABLED, true)
    val isToastEnabled: Boolean get() = file.getBoolean(Constants.SETTINGS_TOAST_ENABLED, false)

    /** Package and class of the callback activity, when one has constructed a [ServiceManager]. */
    val callback: Pair<String, String>?
        get() {
            val packageName = file.getString(Constants.CALLBACK_ACTIVITY_PACKAGE_NAME, null)?.ifEmpty { null } ?: return null
            val className = file.getString(Constants.CALLBACK_ACTIVITY_CLASS_NAME, null)?.ifEmpty { null } ?: return null
            return packageName to className
        }

    /** Remembers an icon by its number, as the original, and by its name, since numbers change with the app's next build. */
    fun setIcon(
        context: Context,
        icon: Int,
    ) {
        val name =
            try {
                context.resources.getResourceName(icon)
            } catch (_: Resources.NotFoundException) {
                null
            }
        file
            .edit()
            .putInt(Constants.NOTIFICATION_ICON, icon)
            .putString(ICON_NAME, name)
            .apply()
    }

    /** The icon: by its name, else by its number if that is a picture in this build; 0 when there is none. */
    fun icon(context: Context): Int {
        val named = file.getString(ICON_NAME, null)?.let { context.resources.getIdentifier(it, null, null) } ?: 0
        return if (named != 0) named else file.getInt(Constants.NOTIFICATION_ICON, 0).takeIf { isPicture(context, it) } ?: 0
    }

    private fun isPicture(
        context: Context,
        id: Int,
    ): Boolean =
        try {
            context.resources.getResourceTypeName(id) in setOf("drawable", "mipmap")
        } catch (_: Resources.NotFoundException) {
            false
        }

    /** Copies what the properties say, and the activity if [context] is one: another context does not take the known one away. */
    fun copy(
        properties: ClientProperties,
        context: Context,
    ) {
        val edit =
            file
                .edit()
                .putString(Constants.API_KEY, properties.apiKey)
                .putString(Constants.VERSION, VERSION)
                .putString(Constants.XMPP_HOST, properties.xmppHost)
                .putInt(Constants.XMPP_PORT, properties.xmppPort)
        if (context is Activity) {
            edit
                .putString(Constants.CALLBACK_ACTIVITY_PACKAGE_NAME, context.packageName)
                .putString(Constants.CALLBACK_ACTIVITY_CLASS_NAME, context.javaClass.name)
        }
        edit.apply()
    }

    private companion object {
        const val VERSION = "0.1.0"

        /** String, beside [Constants.NOTIFICATION_ICON]: the resource's name. */
        const val ICON_NAME = "NOTIFICATION_ICON_NAME"
    }
}
