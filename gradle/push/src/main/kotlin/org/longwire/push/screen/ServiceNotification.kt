package org.longwire.push.screen

import android.app.Notification
import android.app.PendingIntent
import android.app.Service
import android.content.Context
import org.longwire.push.PushConfig
import org.longwire.push.R
import org.longwire.push.platform.service

/** The notification that the system asks of a foreground service. */
internal class ServiceNotification(
    private val context: Context,
) {
    /** Brings a service to the foreground, with the type of the manifest. The system may refuse, and then throws. */
    fun show(
        service: Service,
        config: PushConfig?,
    ): Unit = service.startForeground(ID, build(config))

    fun build(config: PushConfig?): Notification {
        val look = Look.of(config)
        val builder =
            Channels(context, context.service())
                .serviceBuilder()
                .setSmallIcon(look.icon)
                .setContentTitle(config?.serviceTitle ?: context.applicationInfo.loadLabel(context.packageManager))
                .setContentText(config?.serviceText ?: context.getString(R.string.longwire_service_text))
                .setShowWhen(false)
                .setOngoing(true)
                .setCategory(Notification.CATEGORY_SERVICE)
        if (look.color != 0) builder.setColor(look.color)
        launch()?.let(builder::setContentIntent)
        return builder.build()
    }

    private fun launch(): PendingIntent? {
        val intent = context.packageManager.getLaunchIntentForPackage(context.packageName) ?: return null
        return PendingIntent.getActivity(context, 0, intent, PendingIntent.FLAG_UPDATE_CURRENT or PendingIntent.FLAG_IMMUTABLE)
    }

    companion object {
        /** Any number but 0; notifications from the server have tags, so none can meet it. */
        const val ID: Int = 0x4C57
    }
}

/** What all notifications look like. */
internal data class Look(
    val icon: Int,
    val color: Int,
) {
    companion object {
        fun of(config: PushConfig?): Look = Look(config?.icon?.takeIf { it != 0 } ?: R.drawable.longwire_notification, config?.color ?: 0)
    }
}
