package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.longwire.e2e.world.Authority
import org.longwire.e2e.world.Phone
import org.longwire.e2e.world.Road
import org.longwire.e2e.world.Server
import org.longwire.e2e.world.leftMs
import org.longwire.push.HealthCheck
import org.longwire.push.HealthState
import org.longwire.push.Push
import org.longwire.push.PushState
import org.longwire.push.Trust
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Whom the phone takes for its server. */
@RunWith(RobolectricTestRunner::class)
class TrustTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun `a captive portal is refused and named, and the phone is online at once when the person signed in`() {
        Server(folder.newFolder("data")).use { server ->
            Server(folder.newFolder("portal")).use { portal ->
                Road(portal.address).use { road ->
                    Phone(road.address, server.certificate).use { phone ->
                        phone.networks.portal()
                        phone.start()
                        assertRefused(phone)
                        assertEquals(HealthState.PROBLEM, Push.health()[HealthCheck.CAPTIVE_PORTAL].state)
                        val wait = phone.awaitLongWait()
                        assertEquals("certificate", wait.reason, wait.text)
                        assertEquals(emptyList(), portal.api.devices())
                        road.target = server.address
                        phone.networks.signIn()
                        phone.awaitOnline()
                        assertTrue(wait.leftMs > 0, "the wait was over by itself")
                        assertEquals(HealthState.OK, Push.health()[HealthCheck.CAPTIVE_PORTAL].state)
                    }
                }
            }
        }
    }

    @Test
    fun `a certificate of nobody whom the system knows is refused`() =
        withServer { server, phone ->
            phone.start(phone.config.copy(trust = Trust.System))
            assertRefused(phone)
            assertEquals(emptyList(), server.api.devices())
        }

    @Test
    fun `a certificate by a private authority that the app trusts is accepted`() =
        withAuthority { authority, phone -> phone.online(phone.config.copy(trust = Trust.Certificates(authority.certificate))) }

    @Test
    fun `a certificate by an authority that the system trusts is accepted`() =
        withAuthority { authority, phone ->
            authority.trustedBySystem { phone.online(phone.config.copy(trust = Trust.System)) }
        }

    @Test
    fun `a certificate for another name is refused`() =
        withAuthority(name = "elsewhere.example") { authority, phone ->
            phone.start(phone.config.copy(trust = Trust.Certificates(authority.certificate)))
            assertRefused(phone)
        }

    @Test
    fun `a certificate for another name is refused although the system trusts its authority`() =
        withAuthority(name = "elsewhere.example") { authority, phone ->
            authority.trustedBySystem {
                phone.start(phone.config.copy(trust = Trust.System))
                assertRefused(phone)
            }
        }

    @Test
    fun `the pinned key is accepted`() =
        withServer { server, phone ->
            phone.online(phone.config.copy(trust = Trust.Pin(server.pin)))
        }

    @Test
    fun `a key that is not the pinned one is refused`() =
        withServer { _, phone ->
            phone.start(phone.config.copy(trust = Trust.Pin("00".repeat(PIN_BYTES))))
            assertRefused(phone)
        }

    private fun assertRefused(phone: Phone) {
        val waiting = phone.awaitState("refusal") { state -> (state as? PushState.Waiting)?.takeIf { it.reason != "no-network" } }
        assertEquals("certificate", waiting.reason, waiting.text)
    }

    private fun withServer(test: (Server, Phone) -> Unit) {
        Server(folder.newFolder("data")).use { server -> Phone(server.address, server.certificate).use { test(server, it) } }
    }

    private fun withAuthority(
        name: String = "localhost",
        test: (Authority, Phone) -> Unit,
    ) {
        val authority = Authority.of(name)
        Server(folder.newFolder("data"), environment = authority.environment).use { server ->
            Phone(server.address, server.certificate).use { test(authority, it) }
        }
    }

    private companion object {
        const val PIN_BYTES = 32
    }
}
