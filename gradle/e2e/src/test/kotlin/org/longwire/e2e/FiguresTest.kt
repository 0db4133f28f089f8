package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Figures
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.awaitThat
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.time.Duration
import kotlin.test.assertTrue

/** Figures for the table, and that they are of the right order. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [Config.TARGET_SDK])
class FiguresTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone
    private val road get() = stage.road
    private val bytes get() = road.bytesUp + road.bytesDown

    @Test
    fun `from the start to being online it takes a moment`() {
        val first = timed { phone.online() }
        phone.killProcess()
        val again =
            timed {
                phone.startService(null)
                phone.awaitOnline()
            }
        Figures.note("warm start to online (JVM in use), registration", "$first ms")
        Figures.note("warm start to online (JVM in use), account known", "$again ms")
        assertTrue(again < SLOW_MS, "$again ms")
    }

    @Test
    fun `a push costs little more than its text`() {
        val device = phone.online().device
        settle(device)
        val before = bytes
        repeat(PUSHES) { settle(device) }
        val each = (bytes - before) / PUSHES
        Figures.note("bytes per push, all told: push, acknowledgement, displayed and its answer", each)
        assertTrue(each < PUSH_BYTES, "$each")
    }

    @Test
    fun `a heartbeat costs a few bytes each way`() {
        phone.online(phone.config.copy(heartbeatSeconds = 1))
        awaitThat("quiet") { road.isQuietFor(QUIET) }
        val (up, down) = road.bytesUp to road.bytesDown
        awaitThat("heartbeat") { road.bytesUp > up && road.bytesDown > down }
        Figures.note("bytes per heartbeat", "${road.bytesUp - up} up, ${road.bytesDown - down} down")
        assertTrue(road.bytesUp - up < HEARTBEAT_BYTES && road.bytesDown - down < HEARTBEAT_BYTES)
    }

    private fun settle(device: String) {
        val id = stage.api.send("device:$device", "title" to "Door", "body" to "Somebody rang the bell")
        stage.api.awaitDelivery(id, device, "displayed")
    }

    private fun timed(what: () -> Unit): Long {
        val began = System.nanoTime()
        what()
        return (System.nanoTime() - began) / 1_000_000
    }

    private companion object {
        const val SLOW_MS = 10_000
        const val PUSHES = 10
        const val PUSH_BYTES = 3_000
        const val HEARTBEAT_BYTES = 100
        val QUIET: Duration = Duration.ofMillis(300)
    }
}
