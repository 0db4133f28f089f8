package org.androidpn.client

import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.Tls
import org.longwire.push.Trust
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNull

@RunWith(RobolectricTestRunner::class)
class ServerTest {
    private fun config(
        host: String = "push.example.com",
        port: Int = 5222,
        apiKey: String = "",
        options: ServerOptions = ServerOptions(null, null, null),
    ) = Server.config(ClientProperties(apiKey, host, port, options), icon = 7)

    @Test
    fun `the port tells how TLS begins`() {
        assertEquals(Tls.START_TLS, config(port = 5222).tls)
        assertEquals(Tls.DIRECT, config(port = 5223).tls)
        assertEquals(Tls.START_TLS, config(port = 8222).tls)
    }

    @Test
    fun `the file may say how TLS begins`() {
        assertEquals(Tls.DIRECT, config(port = 443, options = ServerOptions(null, "Direct", null)).tls)
        assertEquals(Tls.START_TLS, config(port = 5223, options = ServerOptions(null, "starttls", null)).tls)
        val failure = assertFailsWith<IllegalArgumentException> { config(options = ServerOptions(null, "none", null)) }
        assertContains(failure.message.orEmpty(), "xmppTls is 'none'")
    }

    @Test
    fun `host, port, key and icon are passed on`() {
        val config = config(apiKey = "key")
        assertEquals("push.example.com:5222", config.server)
        assertEquals("key", config.appKey)
        assertEquals(7, config.icon)
        assertEquals(Trust.System, config.trust)
        assertNull(config.domain)
        assertNull(config().appKey, "an empty key is none")
        assertEquals("[::1]:5222", config(host = "::1").server)
    }

    @Test
    fun `a server with a certificate of its own is named by its domain and its pin`() {
        val pin = "ab".repeat(32)
        val config = config(host = "192.168.0.5", options = ServerOptions("localhost", null, pin))
        assertEquals("localhost", config.domain)
        assertEquals(Trust.Pin(pin), config.trust)
    }
}
