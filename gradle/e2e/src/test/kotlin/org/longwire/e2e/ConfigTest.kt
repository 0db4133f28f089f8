package org.longwire.e2e

import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Authority
import org.longwire.e2e.world.Phone
import org.longwire.push.ClientCertificate
import org.longwire.push.PushConfig
import org.longwire.push.PushState
import org.longwire.push.Trust
import org.robolectric.RobolectricTestRunner
import org.robolectric.shadows.ShadowLog
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue
import org.longwire.push.ffi.ClientCertificate as FfiCertificate

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
    fun `a client certificate that cannot be shown, and nothing tells its key`() {
        val (own, other) = listOf("localhost", "elsewhere.example").map(Authority::of)
        val (pem, key) = own.phoneCertificate to own.phoneKey
        val line = key.lines()[1]
        for ((wrong, words) in listOf(
            ClientCertificate(pem, other.phoneKey) to "does not belong to the certificate",
            ClientCertificate.fromPem(pem) to "no private key",
            ClientCertificate.fromPem(key) to "no certificate",
            ClientCertificate(pem, key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY")) to "is encrypted",
            ClientCertificate(pem, key.replace('\n', ' ')) to "a line of its own",
            ClientCertificate("garbage", "garbage") to "no private key",
        )) {
            assertBlocked(PushConfig(server, clientCertificate = wrong), words)
        }
        assertFalse(ShadowLog.getLogs().any { line in it.msg || line in "${it.throwable}" })
        assertFalse(line in "${FfiCertificate(pem, key)}")
    }

    @Test
    fun `a domain that is none`() {
        for (domain in listOf("https://push.example.com", "a b", "a/b")) assertBlocked(PushConfig(server, domain = domain), domain)
    }
}
