package org.longwire.push.process

import android.content.BroadcastReceiver
import android.content.Context
import android.util.Log
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.Job
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.delay
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.longwire.push.PushException
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.WakeLocks
import java.util.concurrent.atomic.AtomicBoolean

/** Work behind a broadcast or an alarm: off the main thread, with the processor awake, and within the time that the system allows. */
internal object Background {
    /** A broadcast must be finished within 10 s; the work itself may go on. */
    const val PENDING_MS = 9_000L

    /** When a broadcast is finished, be the work done or not. */
    @Volatile
    var pendingMs: Long = PENDING_MS

    @Volatile
    private var scope = newScope()

    fun run(
        context: Context,
        pending: BroadcastReceiver.PendingResult?,
        what: String,
        dispatcher: CoroutineDispatcher = Dispatchers.IO,
        block: suspend () -> Unit,
    ): Job {
        val lock = WakeLocks(context).hold(what)
        val isFinished = AtomicBoolean()
        val finish = { if (isFinished.compareAndSet(false, true)) pending?.finish() }
        // The time runs from now on, also while the work waits for its turn; it is over when all is.
        val limit =
            scope.launch {
                try {
                    delay(pendingMs)
                } finally {
                    finish()
                }
            }
        val over = {
            limit.cancel()
            finish()
            lock.close()
        }
        val job =
            scope.launch(dispatcher) {
                try {
                    block()
                } catch (error: PushException) {
                    Log.w(LOG_TAG, "$what: ${error.message}")
                } finally {
                    over()
                }
            }
        // Nothing runs of work that is cancelled before its turn.
        job.invokeOnCompletion { over() }
        return job
    }

    /** The process ends, as far as this library can see: what is under way is over when this returns. */
    fun end() {
        val former = scope
        scope = newScope()
        former.cancel()
        runBlocking { former.coroutineContext.job.join() }
    }

    private fun newScope() = CoroutineScope(SupervisorJob() + Dispatchers.IO)
}
