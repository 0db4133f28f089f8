package org.longwire.e2e.world

import android.os.Looper
import org.robolectric.Shadows.shadowOf
import java.time.Duration
import java.util.concurrent.locks.LockSupport

/** For as long as anything that a test waits for may take, on a machine with little to spare. */
val PATIENCE: Duration = Duration.ofSeconds(20)

/** For so long nothing may happen, where nothing must. */
private val QUIET: Duration = Duration.ofMillis(1_500)

private const val TURN_NS = 2_000_000L

/** Waits until [probe] answers something and gives that; what the main thread is asked for meanwhile is carried out. */
fun <T : Any> await(
    what: String,
    patience: Duration = PATIENCE,
    seen: () -> Any? = { null },
    probe: () -> T?,
): T {
    val end = System.nanoTime() + patience.toNanos()
    while (true) {
        idleMain()
        probe()?.let { return it }
        if (System.nanoTime() > end) throw AssertionError("after ${patience.seconds} s there is still no $what; last seen: ${seen()}")
        LockSupport.parkNanos(TURN_NS)
    }
}

/** Waits until [condition] holds. */
fun awaitThat(
    what: String,
    patience: Duration = PATIENCE,
    seen: () -> Any? = { null },
    condition: () -> Boolean,
) {
    await(what, patience, seen) { true.takeIf { condition() } }
}

/** Sees that [condition] goes on to hold for [QUIET]: for what must not happen there is nothing to wait for. */
fun stays(
    what: String,
    condition: () -> Boolean,
) {
    val end = System.nanoTime() + QUIET.toNanos()
    while (System.nanoTime() < end) {
        idleMain()
        if (!condition()) throw AssertionError("it did not stay $what")
        LockSupport.parkNanos(TURN_NS)
    }
}

/** Carries out what the main thread was asked for. */
fun idleMain() {
    val main = Looper.getMainLooper()
    if (main.isCurrentThread) shadowOf(main).idle()
}
