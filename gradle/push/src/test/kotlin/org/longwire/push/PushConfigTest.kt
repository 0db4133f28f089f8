package org.longwire.push

import org.junit.Test
import org.longwire.push.core.CoreConfig
import org.longwire.push.process.CoreConfigs
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
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
        assertFailsWith<PushException> { PushConfig("a", heartbeatSeconds = 0) }
        assertFailsWith<PushException> { PushConfig("a", domain = " ") }
    }

    @Test
    fun `the text of a configuration names no key and no certificate`() {
        val text = PushConfig("a", "secret-key", trust = Trust.Certificates("-----BEGIN")).toString()
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
    fun `each domain has a database of its own, wherever its server is`() {
        val name = CoreConfigs.storeName(PushConfig("a:5222", domain = "x"))
        assertEquals(name, CoreConfigs.storeName(PushConfig("b", domain = "x")))
        assertNotEquals(name, CoreConfigs.storeName(PushConfig("x2")))
    }
}
