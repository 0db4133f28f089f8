package org.longwire.push

import android.app.Notification
import android.app.NotificationManager
import android.content.Context
import android.graphics.Bitmap
import org.longwire.push.platform.service
import org.longwire.push.process.PushProcess
import org.longwire.push.screen.Buttons
import org.longwire.push.screen.Channels
import org.longwire.push.screen.Groups
import org.longwire.push.screen.HttpImages
import org.longwire.push.screen.Images
import org.longwire.push.screen.Look
import org.longwire.push.screen.Room
import java.util.concurrent.ConcurrentHashMap
import java.util.concurrent.Executor

/**
 * Shows notifications with the system's own templates: a channel per urgency and sound, buttons and replies, pictures, groups. The id is
 * the tag, so a repeat replaces itself, and it alerts once. Where the system would drop what is too many, the oldest are folded into one
 * that opens the app. Override [adapt] to change what a notification looks like.
 */
public open class DefaultNotificationPresenter internal constructor(
    private val context: Context,
    private val images: Images,
    private val downloads: Executor,
    private val screen: Executor,
    private val config: () -> PushConfig?,
) : NotificationPresenter {
    /** The presenter that is used without any other. */
    public constructor(context: Context) : this(
        context,
        HttpImages(),
        Images.downloads(),
        Executor { PushProcess.host(context).screen.execute(it) },
        {
            PushProcess
                .host(context)
                .settings.values.config
        },
    )

    private val manager: NotificationManager = context.service()
    private val channels = Channels(context, manager)
    private val intents = PushIntents(context)
    private val buttons = Buttons(context, intents)
    private val groups = Groups(manager) { look(channels.builder(null, "none")) }
    private val room = Room(context, manager, builder = { look(channels.builder("low", "none")) }, onFolded = { groups.settle(it) })

    /** What was shown last under each id whose picture is on its way. */
    private val awaited = ConcurrentHashMap<String, PushNotification>()

    /** Changes a notification before it is shown; everything that the library knows is set already. */
    protected open fun adapt(
        builder: Notification.Builder,
        notification: PushNotification,
    ) {
    }

    /**
     * The id of a channel that the app made, in which a notification is to be shown from Android 8 on; `null`: the library's, by urgency and
     * sound. Ids that begin with `longwire.push.` are looked at by the health report.
     */
    protected open fun channel(notification: PushNotification): String? = null

    /** Whether a notification is for the screen at all. One without a title, a text and a picture is for the app's receiver alone. */
    protected open fun shows(notification: PushNotification): Boolean =
        !notification.title.isNullOrEmpty() || !notification.body.isNullOrEmpty() || notification.image != null

    final override fun show(notification: PushNotification): Boolean {
        if (!shows(notification)) return false
        if (!channels.isOpen(notification.urgency, notification.sound, channel(notification))) return false
        awaited.remove(notification.id)
        // It was on the screen, and what stands in for it still is.
        if (room.isFolded(notification.id)) return true
        if (!room.make(notification.id, notification.group)) return false
        post(notification, null)
        notification.image?.let { url ->
            awaited[notification.id] = notification
            downloads.execute { load(notification, url) }
        }
        return true
    }

    final override fun remove(id: String) {
        awaited.remove(id)
        room.leave(id)
        manager.cancel(id, Groups.ID)
        groups.settleAll(id)
    }

    private fun load(
        notification: PushNotification,
        url: String,
    ) {
        val picture = images.load(url)
        screen.execute { addPicture(notification, picture) }
    }

    private fun addPicture(
        notification: PushNotification,
        picture: Bitmap?,
    ) {
        // Replaced, removed, opened, dismissed or folded meanwhile: it is not brought back for a picture.
        if (!awaited.remove(notification.id, notification) || picture == null) return
        if (room.isFolded(notification.id) || !isActive(notification.id)) return
        post(notification, picture)
    }

    private fun post(
        notification: PushNotification,
        picture: Bitmap?,
    ) {
        val built = build(notification, picture)
        manager.notify(notification.id, Groups.ID, built)
        notification.group?.let { groups.settle(it, shown = notification.id to built) }
    }

    private fun build(
        notification: PushNotification,
        picture: Bitmap?,
    ): Notification {
        val builder =
            look(channels.builder(notification.urgency, notification.sound, channel(notification)))
                .setContentTitle(notification.title)
                .setContentText(notification.body)
                .setStyle(style(notification, picture))
                .setShowWhen(notification.sentAt > 0)
                .setWhen(notification.sentAt)
                .setAutoCancel(true)
                .setOnlyAlertOnce(true)
                .setContentIntent(intents.open(notification))
                .setDeleteIntent(intents.dismiss(notification.id))
        picture?.let(builder::setLargeIcon)
        notification.group?.let(builder::setGroup)
        buttons.add(builder, notification, Look.of(config()).icon)
        adapt(builder, notification)
        return builder.build()
    }

    private fun style(
        notification: PushNotification,
        picture: Bitmap?,
    ): Notification.Style =
        if (picture == null) {
            Notification.BigTextStyle().bigText(notification.body)
        } else {
            Notification
                .BigPictureStyle()
                .bigPicture(picture)
                .bigLargeIcon(null as Bitmap?)
                .setSummaryText(notification.body)
        }

    private fun look(builder: Notification.Builder): Notification.Builder {
        val look = Look.of(config())
        builder.setSmallIcon(look.icon)
        if (look.color != 0) builder.setColor(look.color)
        return builder
    }

    private fun isActive(id: String): Boolean = manager.activeNotifications.orEmpty().any { it.tag == id && it.id == Groups.ID }
}
