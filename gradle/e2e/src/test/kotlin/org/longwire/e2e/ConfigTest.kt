package org.longwire.e2e

import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Phone
import org.longwire.push.PushConfig
import org.longwire.push.PushState
import org.longwire.push.Trust
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Configurations that the real core refuses when it is opened, before anything is asked of a network. */
@RunWith(RobolectricTestRunner::class)
class ConfigTest {
    private val server = "push.example.com"

    private fun assertBlocked(
        config: PushConfig,
        words: String,
    ) = Phone("$server:5223", "").use { phone ->
        phone.start(config)
        val blocked = phone.awaitState("a block for \"$words\"") { it as? PushState.Blocked }
        assertEquals("config", blocked.reason)
        assertTrue(words in blocked.text, blocked.text)
    }

    @Test
    fun `a pin that is none`() {
        for (pin in listOf("", "AB:CD", "sha256/", "g".repeat(64))) {
            assertBlocked(PushConfig(server, trust = Trust.Pin(pin)), "64 hexadecimal digits or 44 characters of base64")
        }
    }

    @Test
    fun `certificates without one`() {
        assertBlocked(PushConfig(server, trust = Trust.Certificates("certificate.pem")), "there is no certificate")
        val broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"
        assertBlocked(PushConfig(server, trust = Trust.Certificates(broken)), "certificates")
    }

    @Test
    fun `a domain that is none`() {
        for (domain in listOf("https://push.example.com", "a b", "a/b")) assertBlocked(PushConfig(server, domain = domain), domain)
    }
}
