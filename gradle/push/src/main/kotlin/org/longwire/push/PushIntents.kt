package org.longwire.push

import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.net.Uri
import android.os.Build

/**
 * The intents of a notification, for a [NotificationPresenter] of the app's own: they report what the person did. Each is one of its
 * own per notification and button, and all but that of a reply are immutable.
 */
public class PushIntents(
    private val context: Context,
) {
    /** The content intent: reports `opened` and goes to the notification's url, else to the app. */
    public fun open(notification: PushNotification): PendingIntent = activity(notification, null)

    /** The delete intent: reports `dismissed`. */
    public fun dismiss(id: String): PendingIntent = broadcast(event(ACTION_DISMISSED, id, null), IMMUTABLE)

    /** The intent of a button: goes to its url; without one, reports and broadcasts the press. */
    public fun act(
        notification: PushNotification,
        action: PushAction,
    ): PendingIntent =
        when {
            action.isReply -> broadcast(event(ACTION_PRESSED, notification.id, action), mutable())
            action.url != null -> activity(notification, action)
            else -> broadcast(event(ACTION_PRESSED, notification.id, action), IMMUTABLE)
        }

    private fun activity(
        notification: PushNotification,
        action: PushAction?,
    ): PendingIntent {
        val intent = Broadcast.put(Intent(context, OpenActivity::class.java), notification)
        intent.data = name("open", notification.id, action)
        intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        action?.let { intent.putExtra(Broadcast.EXTRA_ACTION, it.id) }
        return PendingIntent.getActivity(context, requestCode(intent), intent, IMMUTABLE)
    }

    private fun event(
        kind: String,
        id: String,
        action: PushAction?,
    ): Intent {
        val intent = Intent(context, EventReceiver::class.java).setAction(kind)
        intent.data = name("event", id, action)
        action?.let { intent.putExtra(Broadcast.EXTRA_ACTION, it.id) }
        return intent.putExtra(Broadcast.EXTRA_ID, id).addFlags(Intent.FLAG_RECEIVER_FOREGROUND)
    }

    private fun broadcast(
        intent: Intent,
        flags: Int,
    ): PendingIntent = PendingIntent.getBroadcast(context, requestCode(intent), intent, flags)

    /** Two intents are one for the system when action, data and component are the same; the data makes each its own. */
    private fun name(
        kind: String,
        id: String,
        action: PushAction?,
    ): Uri {
        val name =
            Uri
                .Builder()
                .scheme("longwire")
                .authority(kind)
                .appendPath(id)
        action?.let { name.appendPath(it.id) }
        return name.build()
    }

    private fun requestCode(intent: Intent): Int = (intent.action.orEmpty() + intent.data).hashCode()

    internal companion object {
        const val ACTION_DISMISSED: String = "org.longwire.push.action.DISMISSED"
        const val ACTION_PRESSED: String = "org.longwire.push.action.PRESSED"
        const val KEY_REPLY: String = "reply"
        private const val IMMUTABLE = PendingIntent.FLAG_UPDATE_CURRENT or PendingIntent.FLAG_IMMUTABLE

        /** The system writes the reply into it. */
        private fun mutable(): Int {
            val explicit = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) PendingIntent.FLAG_MUTABLE else 0
            return PendingIntent.FLAG_UPDATE_CURRENT or explicit
        }
    }
}
