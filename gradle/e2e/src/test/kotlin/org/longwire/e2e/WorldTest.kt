package org.longwire.e2e

import org.junit.After
import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.longwire.e2e.world.Api
import org.longwire.e2e.world.Road
import org.longwire.e2e.world.Server
import org.robolectric.RobolectricTestRunner
import java.net.Socket
import kotlin.test.assertEquals

/** The harness itself: a server that is not there, or a road that does not count, would make other tests say nothing. */
@RunWith(RobolectricTestRunner::class)
class WorldTest {
    @get:Rule
    val folder = TemporaryFolder()

    private val server by lazy { Server(folder.newFolder("data")) }

    @After
    fun close() = server.close()

    @Test
    fun `a server that is started again is where it was and knows its key`() {
        val before = server.address
        val id = server.api.send("all", "title" to "Door")
        server.kill()
        server.restart()
        assertEquals(before, server.address)
        assertEquals(id, server.api.call("GET", "/v1/notifications/$id").body.getString("id"))
    }

    @Test
    fun `a road counts what passes, and nothing passes where it is blocked`() {
        Road(server.startTlsAddress).use { road ->
            val (host, port) = road.address.split(":")
            Socket(host, port.toInt()).use { socket ->
                socket.getOutputStream().write("<stream:stream to='localhost'".toByteArray())
                socket.shutdownOutput()
                socket.getInputStream().readAllBytes()
            }
            assertEquals(1, road.connections)
            assertEquals(29, road.bytesUp)
            road.block()
            Socket(host, port.toInt()).use { assertEquals(-1, it.getInputStream().read()) }
        }
    }

    @Test
    fun `the operator's commands work while the server runs`() {
        assertEquals(emptyList(), server.api.devices())
        assertEquals(
            401,
            Api(server.api.address, server.command("key", "create", "--scope", "send") + "x").call("GET", "/v1/devices").status,
        )
    }
}
