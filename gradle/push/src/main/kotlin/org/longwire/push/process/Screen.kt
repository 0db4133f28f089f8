package org.longwire.push.process

import android.app.NotificationManager
import android.content.Context
import android.util.Log
import kotlinx.coroutines.CompletableDeferred
import org.longwire.push.NotificationPresenter
import org.longwire.push.PushNotification
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.service
import org.longwire.push.screen.Groups
import java.util.concurrent.Executor
import java.util.concurrent.ExecutorService
import java.util.concurrent.Executors
import java.util.concurrent.RejectedExecutionException
import java.util.concurrent.TimeUnit
import java.util.concurrent.TimeoutException

/**
 * The one thread on which notifications come to the screen and leave it. What a person opened or dismissed is not brought back: a process
 * that a swipe started also hands again what the app was not done with, the swiped one among it.
 */
internal class Screen(
    private val context: Context,
    private val arrival: Arrival = Arrival(),
    private val worker: ExecutorService = Executors.newSingleThreadExecutor { Thread(it, "longwire-screen") },
    private val presenter: () -> NotificationPresenter?,
) : Executor {
    private val closed = ClosedIds()

    /** Does something on the screen's thread; what fails there ends nothing else. */
    override fun execute(task: Runnable) {
        try {
            worker.execute { guard("change") { task.run() } }
        } catch (error: RejectedExecutionException) {
            // The end of the process: the screen stays as it is.
            Log.d(LOG_TAG, "too late for the screen", error)
        }
    }

    /** Shows a notification, and tells whether it is on the screen. On the screen's thread. */
    fun show(notification: PushNotification): Boolean {
        val shows = presenter() ?: return false
        if (notification.attempt > 1) arrival.await()
        if (notification.id in closed) return false
        var isDisplayed = false
        guard("show") { isDisplayed = shows.show(notification) }
        return isDisplayed
    }

    /** Takes a notification from the screen, and tells whether that went well. On the screen's thread. */
    fun remove(id: String): Boolean = guard("remove") { presenter()?.remove(id) }

    /** The person opened or dismissed it: from here on it is not shown, even before that is stored. */
    fun closing(id: String): Unit = closed.add(id)

    /** Takes what the person is done with from the screen; it is off when this returns. */
    suspend fun clear(id: String) {
        closing(id)
        val done = CompletableDeferred<Unit>()
        try {
            worker.execute {
                remove(id)
                done.complete(Unit)
            }
        } catch (error: RejectedExecutionException) {
            Log.d(LOG_TAG, "too late for the screen", error)
            return
        }
        done.await()
    }

    /** What the person did could not be stored: it stays, silently shown anew, which ends the waiting sign of a reply. */
    fun keep(id: String) {
        closed.remove(id)
        execute {
            val manager: NotificationManager = context.service()
            val shown = manager.activeNotifications.orEmpty().firstOrNull { it.tag == id && it.id == Groups.ID }
            shown?.let { manager.notify(id, Groups.ID, it.notification) }
        }
    }

    /** Returns when what was asked for before is done, or that takes too long. */
    fun settle() {
        try {
            worker.submit {}.get(SETTLE_MS, TimeUnit.MILLISECONDS)
        } catch (error: TimeoutException) {
            Log.w(LOG_TAG, "the screen takes long", error)
        }
    }

    fun close() {
        worker.shutdown()
        worker.awaitTermination(SETTLE_MS, TimeUnit.MILLISECONDS)
    }

    /** A presenter of the app's may fail; everything else goes on. */
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

    private companion object {
        const val SETTLE_MS = 5_000L
    }
}

/** What the person was done with lately, in this process. */
private class ClosedIds {
    private val ids = LinkedHashSet<String>()

    @Synchronized
    fun add(id: String) {
        ids -= id
        ids += id
        if (ids.size > KEPT) ids -= ids.first()
    }

    @Synchronized
    fun remove(id: String) {
        ids -= id
    }

    @Synchronized
    operator fun contains(id: String): Boolean = id in ids

    private companion object {
        const val KEPT = 500
    }
}
