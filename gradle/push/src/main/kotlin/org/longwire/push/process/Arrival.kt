package org.longwire.push.process

import android.os.Handler
import android.os.Looper
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit

/**
 * What a process was started for: a tap or a swipe stands in the main thread's queue, behind the app's own start. Who waits here has it
 * come first. A main thread that is busy for long is not waited for.
 */
internal class Arrival(
    private val handler: Handler = Handler(Looper.getMainLooper()),
    private val waitMs: Long = WAIT_MS,
) {
    private val isHere = CountDownLatch(1)

    fun await() {
        if (isHere.count == 0L) return
        handler.post(isHere::countDown)
        if (!isHere.await(waitMs, TimeUnit.MILLISECONDS)) isHere.countDown()
    }

    companion object {
        const val WAIT_MS: Long = 3_000
    }
}
