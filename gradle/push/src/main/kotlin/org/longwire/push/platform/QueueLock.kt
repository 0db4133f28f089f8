package org.longwire.push.platform

import android.content.Context
import android.os.PowerManager
import java.io.Closeable
import java.util.concurrent.atomic.AtomicBoolean

/**
 * Keeps the processor awake while there is anything in a queue: one lock for all of it, so that the phone cannot fall asleep between two. It
 * ends when nothing came, went or began for [maxMs]: the queue then stands still.
 */
internal class QueueLock(
    context: Context,
    what: String,
    private val maxMs: Long = MAX_MS,
) {
    private val lock: PowerManager.WakeLock? =
        context.getSystemService(PowerManager::class.java)?.newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "longwire:$what")
    private var inside = 0

    init {
        lock?.setReferenceCounted(false)
    }

    /** Something is in the queue until it is closed. */
    @Synchronized
    fun enter(): Closeable {
        inside++
        lock?.acquire(maxMs)
        val isIn = AtomicBoolean(true)
        return Closeable { if (isIn.compareAndSet(true, false)) leave() }
    }

    /** The next one begins: it has the whole time again. */
    @Synchronized
    fun moved() {
        if (inside > 0) lock?.acquire(maxMs)
    }

    @Synchronized
    private fun leave() {
        inside--
        if (inside == 0) lock?.let { if (it.isHeld) it.release() }
    }

    companion object {
        /** Longer than the longest that one may take. */
        const val MAX_MS: Long = 40_000
    }
}
