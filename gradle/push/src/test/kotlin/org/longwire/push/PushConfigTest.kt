package org.longwire.push

import org.junit.Test
import org.longwire.push.core.CoreConfig
import org.longwire.push.process.CoreConfigs
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue

class PushConfigTest : PushTest() {
    private fun core(config: PushConfig): CoreConfig = CoreConfigs.of(app, config)

    @Test
    fun `a server is a host or a host and a port`() {
        assertEquals(ServerAddress("push.example.com", null), ServerAddress.parse("push.example.com"))
        assertEquals(ServerAddress("10.0.2.2", 5222), ServerAddress.parse("10.0.2.2:5222"))
        assertEquals(ServerAddress("::1", 5223), ServerAddress.parse("[::1]:5223"))
        assertEquals(ServerAddress("fe80::1", null), ServerAddress.parse("[fe80::1]"))
    }

    @Test
    fun `what is no server is refused at once`() {
        for (server in listOf(
            "",
            " ",
            "https://a.b",
            "a:0",
            "a:65536",
            "a:x",
            "a:",
            ":5222",
            "a b",
            "::1",
            "[::1",
            "[::1]x",
            "a/b",
            "u@a",
        )) {
            val error = assertFailsWith<PushException>(server) { PushConfig(server) }
            assertTrue(error.isConfig && !error.isRetryable && !error.requiresLogin, server)
        }
        assertFailsWith<PushException> { PushConfig("a", domain = " ") }
    }

    private fun refusal(make: () -> PushConfig): String {
        val error = assertFailsWith<PushException> { make() }
        assertTrue(error.isConfig)
        return error.message.orEmpty()
    }

    @Test
    fun `a refusal says what was wrong, and what to write`() {
        assertTrue("\"a:65536\": its port is a number from 1 to 65535; write" in refusal { PushConfig("a:65536") })
        assertTrue("it has no scheme and no path; write push.example.com" in refusal { PushConfig("https://a.b/c") })
    }

    @Test
    fun `a heartbeat lies between a second and a day`() {
        for (seconds in listOf(1, 86_400)) assertEquals(seconds, PushConfig("a", heartbeatSeconds = seconds).heartbeatSeconds)
        for (seconds in listOf(Int.MIN_VALUE, -1, 0, 86_401)) {
            assertTrue("$seconds s; write 1 to 86400" in refusal { PushConfig("a", heartbeatSeconds = seconds) })
        }
    }

    @Test
    fun `an app key that can never be one is refused, and not repeated`() {
        val possible = listOf("lwa_4be07d19a2c5_secret", " lwa_x_y\n", "the app key", "lw")
        for (key in possible) assertEquals(key, PushConfig("a", key).appKey)
        val impossible = listOf("", " ", "lwa_x\ny", "lwa_\u0000")
        for (key in impossible) assertTrue("write null for none" in refusal { PushConfig("a", key) })
        for (key in listOf("lw_4be07d19a2c5_secret", "\nlw_4be07d19a2c5_secret")) {
            val text = refusal { PushConfig("a", key) }
            assertTrue("API key" in text && "app key create" in text && "secret" !in text, text)
        }
    }

    @Test
    fun `the text of a configuration names no key and no certificate`() {
        val own = ClientCertificate("-----BEGIN", "secret")
        val config = PushConfig("a", "secret-key", trust = Trust.Certificates("-----BEGIN"), clientCertificate = own)
        val text = "$config ${core(config)}".replace("appKey=secret-key", "")
        assertFalse("secret" in text || "BEGIN" in text, text)
    }

    @Test
    fun `a host alone is the domain, and its records may lead elsewhere`() {
        val core = core(PushConfig("push.example.com", "k"))
        assertEquals(
            listOf("push.example.com", null, null, true, "k"),
            listOf(core.domain, core.host, core.port, core.isDirectTls, core.appKey),
        )
    }

    @Test
    fun `a port or a domain mean this very host`() {
        val port = core(PushConfig("10.0.2.2:5222", domain = "example.com"))
        assertEquals(listOf("example.com", "10.0.2.2", 5222, false), listOf(port.domain, port.host, port.port, port.isDirectTls))
        val domain = core(PushConfig("10.0.2.2", domain = "example.com", tls = Tls.START_TLS))
        assertEquals(listOf("example.com", "10.0.2.2", null, false), listOf(domain.domain, domain.host, domain.port, domain.isDirectTls))
        assertTrue(core(PushConfig("a:5223")).isDirectTls)
        assertTrue(core(PushConfig("a:5222", tls = Tls.DIRECT)).isDirectTls)
    }

    @Test
    fun `another client certificate is another configuration of the server, none stays none`() {
        fun with(own: ClientCertificate?) = PushConfig("a", clientCertificate = own)
        val own = ClientCertificate("PEM", "KEY")
        assertEquals(own, core(with(own)).clientCertificate)
        assertNull(core(with(null)).clientCertificate)
        assertTrue(CoreConfigs.isSameServer(with(own), with(ClientCertificate("PEM", "KEY"))))
        for (other in listOf(null, ClientCertificate("PEM", "other"), ClientCertificate("other", "KEY"))) {
            assertFalse(CoreConfigs.isSameServer(with(own), with(other)))
        }
    }

    @Test
    fun `each domain has a database of its own, wherever its server is`() {
        val name = CoreConfigs.storeName(PushConfig("a:5222", domain = "x"))
        assertEquals(name, CoreConfigs.storeName(PushConfig("b", domain = "x")))
        assertNotEquals(name, CoreConfigs.storeName(PushConfig("x2")))
    }
}
