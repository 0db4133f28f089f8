package org.longwire.push.platform

import android.content.Context
import android.os.PowerManager
import java.io.Closeable

/** Keeps the processor awake while something short is under way. Every lock has an end of its own. */
internal class WakeLocks(
    context: Context,
) {
    private val manager: PowerManager? = context.getSystemService(PowerManager::class.java)

    /** Holds until closed, at most for [maxMs]. */
    fun hold(
        what: String,
        maxMs: Long = MAX_MS,
    ): Closeable {
        val lock = manager?.newWakeLock(PowerManager.PARTIAL_WAKE_LOCK, "longwire:$what") ?: return Closeable { }
        lock.setReferenceCounted(false)
        lock.acquire(maxMs)
        return Closeable { if (lock.isHeld) lock.release() }
    }

    companion object {
        /** The longest that anything here may take. */
        const val MAX_MS: Long = 60_000
    }
}

/** The tag of what this library logs. */
internal const val LOG_TAG: String = "Longwire"
