package org.longwire.push.process

import android.content.Intent
import android.os.Looper
import org.junit.Test
import org.longwire.push.Broadcast
import org.longwire.push.HoldingContext
import org.longwire.push.PushException
import org.longwire.push.PushTest
import org.longwire.push.platform.QueueLock
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowPowerManager
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals
import kotlin.test.assertFalse
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
    fun `the phone is kept awake without a gap until the last is answered`() {
        send("n-1")
        val lock = ShadowPowerManager.getLatestWakeLock()
        send("n-2")
        assertTrue(lock.isHeld)
        val times = shadowOf(lock).timesHeld
        context.results[0].onReceive(app, Intent())
        assertTrue(lock.isHeld)
        assertEquals(lock, ShadowPowerManager.getLatestWakeLock(), "one lock for all")
        assertTrue(shadowOf(lock).timesHeld > times, "the second has the whole time again")
        context.results[1].onReceive(app, Intent())
        assertFalse(lock.isHeld)
    }

    @Test
    fun `those that wait behind one that is never answered keep the phone awake until their turn`() {
        for (name in listOf("n-1", "n-2", "n-3")) send(name)
        val lock = ShadowPowerManager.getLatestWakeLock()
        for (sent in 1..3) {
            assertEquals(sent, context.results.size)
            shadowOf(Looper.getMainLooper()).idleFor(BroadcastQueue.ANSWER_MS - 1, TimeUnit.MILLISECONDS)
            assertTrue(lock.isHeld, "while number $sent is under way")
            shadowOf(Looper.getMainLooper()).idleFor(1, TimeUnit.MILLISECONDS)
        }
        assertFalse(lock.isHeld)
        context.results[0].onReceive(app, Intent())
        assertFalse(lock.isHeld, "an answer that comes too late")
    }

    @Test
    fun `a queue that stands still does not keep the phone awake for ever`() {
        val queue = QueueLock(app, "test")
        val entry = queue.enter()
        val lock = ShadowPowerManager.getLatestWakeLock()
        shadowOf(Looper.getMainLooper()).idleFor(QueueLock.MAX_MS - 1, TimeUnit.MILLISECONDS)
        assertTrue(lock.isHeld)
        shadowOf(Looper.getMainLooper()).idleFor(2, TimeUnit.MILLISECONDS)
        assertFalse(lock.isHeld)
        queue.enter()
        assertTrue(lock.isHeld)
        entry.close()
        entry.close()
        assertTrue(lock.isHeld, "closed once")
    }
}
