package org.longwire.e2e.clocks

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Stage
import org.longwire.push.HealthCheck
import org.longwire.push.HealthState
import org.longwire.push.Push
import org.longwire.push.PushState
import org.longwire.push.Trust
import org.robolectric.RobolectricTestRunner
import java.time.Instant
import kotlin.math.absoluteValue
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** A phone whose wall clock is years off: run in a process under which [Clocks] were put. */
@RunWith(RobolectricTestRunner::class)
class WrongClock {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone

    @Test
    fun `years ahead, nothing is taken for expired`() = receives(YEARS_S)

    @Test
    fun `years behind, times are the server's`() = receives(-YEARS_S)

    @Test
    fun `where a certificate is not valid by it, the state says so`() {
        Clocks.ofThisProcess().setWallWrong(-YEARS_S)
        phone.start()
        val waiting = phone.awaitState("wait") { it as? PushState.Waiting }
        assertEquals("certificate", waiting.reason)
        assertContains(waiting.text, "time of this phone")
        assertEquals(HealthState.WARNING, Push.health()[HealthCheck.CLOCK].state)
    }

    private fun receives(wrongS: Long) {
        Clocks.ofThisProcess().setWallWrong(wrongS)
        val device = phone.online(phone.config.copy(trust = Trust.Pin(stage.server.pin))).device
        val id = stage.api.send("all", "title" to "Door", "ttl" to TTL_S)
        val push = phone.awaitPush(id)
        phone.awaitShown("Door")
        stage.api.awaitDelivery(id, device, "displayed")
        val created = stage.api.call("GET", "/v1/notifications/$id").body.getString("created_at")
        assertTrue((push.sentAt - Instant.parse(created).toEpochMilli()).absoluteValue < SLACK_MS, "$created, ${push.sentAt}")
        assertTrue((push.receivedAt - push.sentAt).absoluteValue < SLACK_MS, "received at ${push.receivedAt}")
        assertTrue((push.expiresAt - push.sentAt - TTL_S * 1_000).absoluteValue < SLACK_MS, "expires at ${push.expiresAt}")
        assertEquals(HealthState.WARNING, Push.health()[HealthCheck.CLOCK].state)
    }

    private companion object {
        const val YEARS_S = 12L * 365 * 86_400
        const val TTL_S = 60
        const val SLACK_MS = 30_000L
    }
}
