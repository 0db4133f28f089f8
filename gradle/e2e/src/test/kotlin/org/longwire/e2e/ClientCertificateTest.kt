package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Authority
import org.longwire.e2e.world.Stage
import org.longwire.push.ClientCertificate
import org.longwire.push.Push
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** A server that lets nobody in who has no certificate by an authority of its operator's. */
@RunWith(RobolectricTestRunner::class)
class ClientCertificateTest {
    private val authority = Authority.of("localhost")

    @get:Rule
    val stage = Stage(environment = authority.clientEnvironment)

    private val phone get() = stage.phone

    /** Straight to the server: a road closes at once, and the server's last words may be lost with it. */
    private val config get() = phone.config.copy(server = stage.server.address)

    @Test
    fun `a phone with a certificate is online and shows a push, also in its next process`() {
        val own = ClientCertificate.fromPem(authority.phoneCertificate + authority.phoneKey)
        val device = phone.online(config.copy(clientCertificate = own)).device
        stage.api.send("device:$device", "title" to "Door")
        phone.awaitShown("Door")
        phone.killProcess()
        phone.startService(null)
        assertEquals(device, phone.awaitOnline().device)
    }

    @Test
    fun `a phone without one is refused and says so, and is let in when the app gives it one`() {
        phone.start(config)
        assertRefused("this device shows none")
        val own = ClientCertificate(authority.phoneCertificate, authority.phoneKey)
        Push.configure(phone.app, config.copy(clientCertificate = own))
        phone.awaitOnline()
    }

    @Test
    fun `a phone with a certificate by another authority is refused and says so`() {
        val other = Authority.of("elsewhere.example")
        phone.start(config.copy(clientCertificate = ClientCertificate(other.phoneCertificate, other.phoneKey)))
        assertRefused("refused this device's certificate")
    }

    private fun assertRefused(words: String) {
        val waiting = phone.awaitState("refusal") { state -> (state as? PushState.Waiting)?.takeIf { it.reason == "client-certificate" } }
        assertTrue(words in waiting.text, waiting.text)
        assertEquals(emptyList(), stage.api.devices())
    }
}
