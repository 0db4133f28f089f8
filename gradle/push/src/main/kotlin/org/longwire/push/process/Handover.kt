package org.longwire.push.process

import android.content.Context
import android.util.Log
import org.longwire.push.Broadcast
import org.longwire.push.PushException
import org.longwire.push.PushNotification
import org.longwire.push.core.Core
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.QueueLock

/**
 * Gives notifications to the screen and to the app, in order, and tells the core when the app has them. A notification counts as handed
 * when all receivers of its broadcast are done, and the [org.longwire.push.PushReceiver]s through with it, which may be later: Android
 * waits for ten seconds. So one whose process died before comes again.
 */
internal class Handover(
    private val context: Context,
    private val screen: Screen,
    private val core: () -> Core?,
    private val awake: QueueLock = QueueLock(context, "hand-over"),
    private val broadcasts: BroadcastQueue = BroadcastQueue(context, awake = awake),
) {
    fun handOver(notification: PushNotification) {
        val entry = awake.enter()
        screen.execute { entry.use { hand(notification) } }
    }

    fun remove(id: String) {
        val entry = awake.enter()
        screen.execute {
            entry.use {
                // What cannot be removed stays owed, and is asked for again by the next process.
                if (screen.remove(id)) tell { it.removed(id) }
            }
        }
    }

    fun close(): Unit = screen.settle()

    private fun hand(notification: PushNotification) {
        awake.moved()
        val isDisplayed = screen.show(notification)
        // An app that dies of a notification time and again is not handed it for ever.
        val isLast = notification.attempt > ATTEMPTS_MAX
        if (isLast) answer(notification, isDisplayed)
        broadcasts.send(Broadcast.received(context, notification)) {
            if (!isLast) AtWork.whenThrough(notification) { answer(notification, isDisplayed) }
        }
    }

    private fun answer(
        notification: PushNotification,
        isDisplayed: Boolean,
    ) = tell { core ->
        if (notification.isUpdate) {
            core.updated(notification.id, notification.revision)
        } else {
            core.handed(notification.id, isDisplayed)
        }
    }

    /** A core that was closed meanwhile is told nothing: what it was not told of is handed again by the next one. */
    private fun tell(call: (Core) -> Unit) {
        try {
            core()?.let(call)
        } catch (error: PushException) {
            Log.w(LOG_TAG, "an answer that came to nothing", error)
        }
    }

    companion object {
        /** Hand-overs of one notification that wait for the app. */
        const val ATTEMPTS_MAX: Int = 5
    }
}
