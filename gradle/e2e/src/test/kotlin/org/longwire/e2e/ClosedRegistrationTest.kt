package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.stays
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** A server that registers nobody. */
@RunWith(RobolectricTestRunner::class)
class ClosedRegistrationTest {
    @get:Rule
    val stage = Stage("--registration", "closed")

    @Test
    fun `where nobody may register the phone says so and tries no more`() {
        stage.phone.start()
        val blocked = stage.phone.awaitState("block") { it as? PushState.Blocked }
        assertEquals("registration-refused", blocked.reason)
        assertEquals(1, stage.road.connections)
        stage.phone.networks.switch()
        stays("blocked without another attempt") { stage.phone.state is PushState.Blocked && stage.road.connections == 1 }
        repeat(RESTARTS) {
            val before = stage.road.connections
            stage.phone.killProcess()
            stage.phone.startService(null)
            stage.phone.awaitState("block") { it as? PushState.Blocked }
            assertTrue(stage.road.connections <= before + 1, "${stage.road.connections - before} attempts of one process")
        }
        val tried = stage.road.connections
        stays("blocked after restarts") { stage.phone.state is PushState.Blocked && stage.road.connections == tried }
        assertEquals(emptyList(), stage.api.devices())
    }

    private companion object {
        const val RESTARTS = 3
    }
}
