package org.androidpn.client

import android.app.Notification
import android.content.Context
import android.os.Handler
import android.os.Looper
import android.widget.Toast
import org.longwire.push.DefaultNotificationPresenter
import org.longwire.push.NotificationPresenter
import org.longwire.push.PushNotification

/**
 * Shows pushes as the user's settings in the preferences say, in the library's way otherwise: updates, recalls, buttons, replies, pictures
 * and groups work too. A tap opens the details of that notification, a swipe is broadcast.
 */
class AndroidpnPresenter(
    private val context: Context,
) : NotificationPresenter {
    private val preferences = ClientPreferences(context)
    private val channels = SettingsChannels(context)
    private val intents = DetailsIntents(context)
    private val screen = Screen()

    /** Shows it, unless the user switched notifications off; silent, when the user switched the sound off. */
    override fun show(notification: PushNotification): Boolean {
        if (!preferences.isNotificationEnabled) return false
        if (preferences.isToastEnabled && notification.attempt <= 1 && !notification.isUpdate) toast(notification.body.orEmpty())
        return screen.show(if (preferences.isSoundEnabled) notification else notification.copy(sound = "none"))
    }

    /** Takes it from the screen. */
    override fun remove(id: String) = screen.remove(id)

    private fun toast(message: String) {
        Handler(Looper.getMainLooper()).post { Toast.makeText(context, message, Toast.LENGTH_LONG).show() }
    }

    private inner class Screen : DefaultNotificationPresenter(context) {
        override fun channel(notification: PushNotification): String? = channels.of(notification, preferences)

        override fun adapt(
            builder: Notification.Builder,
            notification: PushNotification,
        ) {
            val extras = Extras.of(notification, preferences)
            val icon = preferences.icon(context)
            if (icon != 0) builder.setSmallIcon(icon)
            builder.setTicker(extras.message.take(TICKER_CHARS_MAX))
            builder.setContentIntent(intents.details(extras))
            builder.setDeleteIntent(intents.cleared(extras))
            channels.adaptLegacy(builder, notification, preferences)
        }
    }

    private companion object {
        const val TICKER_CHARS_MAX = 40
    }
}
