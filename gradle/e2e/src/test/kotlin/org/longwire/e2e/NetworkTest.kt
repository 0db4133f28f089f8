package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.awaitThat
import org.longwire.e2e.world.leftMs
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Networks that go, come and change. */
@RunWith(RobolectricTestRunner::class)
class NetworkTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone
    private val road get() = stage.road

    @Test
    fun `in airplane mode nothing is tried, and afterwards the phone connects at once`() {
        phone.networks.leave()
        phone.start()
        val waiting = phone.awaitState("wait for a network") { it as? PushState.Waiting }
        assertEquals("no-network", waiting.reason)
        assertNull(waiting.untilElapsedMs)
        assertEquals(0, road.connections)
        phone.networks.enter()
        phone.awaitOnline()
        assertEquals(1, road.connections)
    }

    @Test
    fun `airplane mode ends the session, and what came meanwhile comes afterwards`() {
        val device = phone.online().device
        phone.networks.leave()
        phone.awaitState("wait for a network") { state -> (state as? PushState.Waiting)?.takeIf { it.reason == "no-network" } }
        val id = stage.api.send("device:$device", "title" to "Meanwhile")
        phone.networks.enter()
        phone.awaitPush(id)
        assertEquals(2, road.connections)
    }

    @Test
    fun `a switch to another network reconnects at once, although the old connection says nothing`() {
        val device = phone.online().device
        road.freeze()
        phone.networks.switch()
        awaitThat("new connection", seen = { phone.state }) { road.connections == 2 }
        road.thaw()
        assertEquals(device, phone.awaitOnline().device)
        phone.awaitPush(stage.api.send("all", "title" to "Here"))
    }

    @Test
    fun `a switch to another network ends the wait for the next attempt`() {
        phone.online()
        road.block()
        val long = phone.awaitLongWait()
        road.unblock()
        phone.networks.switch()
        phone.awaitOnline()
        assertTrue(long.leftMs > 0, "it was over by itself")
    }

    @Test
    fun `a server that dies and comes back is found again`() {
        val device = phone.online().device
        stage.server.kill()
        phone.awaitState("wait") { it as? PushState.Waiting }
        stage.server.restart()
        phone.networks.switch()
        assertEquals(device, phone.awaitOnline().device)
    }
}
