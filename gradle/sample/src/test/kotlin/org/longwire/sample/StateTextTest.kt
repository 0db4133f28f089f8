package org.longwire.sample

import org.junit.Test
import org.longwire.push.PushState
import kotlin.test.assertEquals

class StateTextTest {
    @Test
    fun `a wait says why and for how long`() {
        val waiting = PushState.Waiting(untilElapsedMs = 12_001, reason = "refused", text = "nobody listens there")
        assertEquals(
            StateText(R.color.busy, "Waiting: refused", "nobody listens there; next attempt in 12 s"),
            StateText.of(waiting, nowElapsedMs = 1_000),
        )
        assertEquals("nobody listens there; next attempt in 0 s", StateText.of(waiting, nowElapsedMs = 99_000).detail)
    }

    @Test
    fun `a wait for the network says no time`() {
        val waiting = PushState.Waiting(untilElapsedMs = null, reason = "no-network", text = "there is no network")
        assertEquals("there is no network", StateText.of(waiting, nowElapsedMs = 0).detail)
    }

    @Test
    fun `online tells the addresses that a push can be sent to`() {
        val text = StateText.of(PushState.Online(device = "0192", user = "alice", heartbeatSeconds = 240), nowElapsedMs = 0)
        assertEquals(StateText(R.color.good, "Online", "user:alice\ndevice:0192\nheartbeat after 240 s"), text)
    }

    @Test
    fun `blocked says who can help`() {
        val text = StateText.of(PushState.Blocked("app-key-needed", "the server asks for an app key"), nowElapsedMs = 0)
        assertEquals(StateText(R.color.bad, "Blocked: app-key-needed", "the server asks for an app key"), text)
    }
}
