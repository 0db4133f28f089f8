package org.longwire.push.process

import android.content.Context
import android.util.Log
import org.longwire.push.Broadcast
import org.longwire.push.NotificationPresenter
import org.longwire.push.PushNotification
import org.longwire.push.core.Core
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.WakeLocks
import java.io.Closeable
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit

/**
 * Gives notifications to the screen and to the app, in order, and tells the core when the app has them. A notification counts as handed
 * when all receivers of its broadcast are done, so one whose process died before comes again.
 */
internal class Handover(
    private val context: Context,
    private val presenter: () -> NotificationPresenter?,
    private val core: () -> Core?,
    private val wakeLocks: WakeLocks = WakeLocks(context),
    private val broadcasts: BroadcastQueue = BroadcastQueue(context),
    private val worker: ExecutorService = Executors.newSingleThreadExecutor { Thread(it, "longwire-screen") },
) {
    fun handOver(notification: PushNotification) {
        val lock = wakeLocks.hold("hand-over", LOCK_MS)
        worker.execute { hand(notification, lock) }
    }

    fun remove(id: String) {
        val lock = wakeLocks.hold("remove", LOCK_MS)
        worker.execute {
            lock.use {
                // What cannot be removed stays owed, and is asked for again by the next process.
                if (guard("remove") { presenter()?.remove(id) }) core()?.removed(id)
            }
        }
    }

    fun close() {
        worker.shutdown()
        worker.awaitTermination(CLOSE_MS, TimeUnit.MILLISECONDS)
    }

    private fun hand(
        notification: PushNotification,
        lock: Closeable,
    ) {
        var isDisplayed = false
        guard("show") { isDisplayed = presenter()?.show(notification) == true }
        // An app that dies of a notification time and again is not handed it for ever.
        val isLast = notification.attempt > ATTEMPTS_MAX
        if (isLast) answer(notification, isDisplayed)
        broadcasts.send(Broadcast.received(context, notification)) {
            lock.use { if (!isLast) answer(notification, isDisplayed) }
        }
    }

    private fun answer(
        notification: PushNotification,
        isDisplayed: Boolean,
    ) {
        val core = core() ?: return
        if (notification.isUpdate) {
            core.updated(notification.id, notification.revision)
        } else {
            core.handed(notification.id, isDisplayed)
        }
    }

    /** A presenter of the app's may fail; the broadcast goes out all the same. */
    private fun guard(
        what: String,
        call: () -> Unit,
    ): Boolean =
        try {
            call()
            true
        } catch (error: RuntimeException) {
            Log.e(LOG_TAG, "cannot $what a notification", error)
            false
        }

    companion object {
        /** Hand-overs of one notification that wait for the app. */
        const val ATTEMPTS_MAX: Int = 5
        private const val LOCK_MS = 30_000L
        private const val CLOSE_MS = 5_000L
    }
}
