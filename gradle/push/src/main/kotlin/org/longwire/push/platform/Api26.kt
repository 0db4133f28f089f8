package org.longwire.push.platform

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.content.Context
import android.content.Intent
import android.media.AudioAttributes
import androidx.annotation.RequiresApi
import org.longwire.push.screen.Tone

/** Calls that Android 8.0 brought. */
@RequiresApi(26)
internal object Api26 {
    fun startForegroundService(
        context: Context,
        intent: Intent,
    ) {
        context.startForegroundService(intent)
    }

    fun builder(
        context: Context,
        channel: String,
    ): Notification.Builder = Notification.Builder(context, channel)

    fun alertByChildren(builder: Notification.Builder) {
        builder.setGroupAlertBehavior(Notification.GROUP_ALERT_CHILDREN)
    }

    /** Makes a channel; one that is there stays as the person wants it. */
    fun createChannel(
        manager: NotificationManager,
        id: String,
        name: CharSequence,
        importance: Int,
        tone: Tone,
    ) {
        val channel = NotificationChannel(id, name, importance)
        when (tone) {
            Tone.Default -> {
                Unit
            }

            Tone.None -> {
                channel.setSound(null, null)
            }

            is Tone.Own -> {
                val attributes = AudioAttributes.Builder().setUsage(AudioAttributes.USAGE_NOTIFICATION).build()
                channel.setSound(tone.uri, attributes)
            }
        }
        manager.createNotificationChannel(channel)
    }

    /** Makes a channel that neither rings nor counts. */
    fun createServiceChannel(
        manager: NotificationManager,
        id: String,
        name: CharSequence,
    ) {
        val channel = NotificationChannel(id, name, NotificationManager.IMPORTANCE_LOW)
        channel.setShowBadge(false)
        manager.createNotificationChannel(channel)
    }

    /** `null` while there is no such channel. */
    fun importance(
        manager: NotificationManager,
        channel: String,
    ): Int? = manager.getNotificationChannel(channel)?.importance

    /** The channels whose ids begin so and that the person blocked: ids with their names, as the system's settings show them. */
    fun blockedChannels(
        manager: NotificationManager,
        prefix: String,
    ): Map<String, String> =
        manager.notificationChannels
            .filter { it.id.startsWith(prefix) && it.importance == NotificationManager.IMPORTANCE_NONE }
            .associate { it.id to it.name.toString() }
}
