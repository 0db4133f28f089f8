package org.longwire.push.process

import android.content.Intent
import org.junit.Test
import org.longwire.push.Broadcast
import org.longwire.push.HoldingContext
import org.longwire.push.PushException
import org.longwire.push.PushTest
import org.robolectric.shadows.ShadowPowerManager
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotSame
import kotlin.test.assertTrue

class BroadcastQueueTest : PushTest() {
    private val context = HoldingContext(app)
    private val queue = BroadcastQueue(context)
    private val answered = mutableListOf<String>()

    private fun send(name: String) = queue.send(Intent(Broadcast.ACTION_RECEIVE)) { answered += name }

    @Test
    fun `one that cannot be sent is left behind, unanswered, and the next goes out`() {
        context.failure = IllegalStateException("too large")
        send("n-1")
        assertFalse(ShadowPowerManager.getLatestWakeLock().isHeld)
        context.failure = null
        send("n-2")
        context.results.single().onReceive(app, Intent())
        assertEquals(listOf("n-2"), answered)
    }

    @Test
    fun `a core that takes no answer holds up nothing`() {
        queue.send(Intent(Broadcast.ACTION_RECEIVE)) { throw PushException(PushException.Kind.STORAGE, "disk full") }
        send("n-2")
        context.results[0].onReceive(app, Intent())
        context.results[1].onReceive(app, Intent())
        assertEquals(listOf("n-2"), answered)
    }

    @Test
    fun `the phone is kept awake for each from when it is sent`() {
        send("n-1")
        val first = ShadowPowerManager.getLatestWakeLock()
        send("n-2")
        assertTrue(first.isHeld)
        assertEquals(first, ShadowPowerManager.getLatestWakeLock(), "the second waits")
        context.results[0].onReceive(app, Intent())
        assertFalse(first.isHeld)
        val second = ShadowPowerManager.getLatestWakeLock()
        assertNotSame(first, second)
        assertTrue(second.isHeld)
        context.results[1].onReceive(app, Intent())
        assertFalse(second.isHeld)
    }
}
