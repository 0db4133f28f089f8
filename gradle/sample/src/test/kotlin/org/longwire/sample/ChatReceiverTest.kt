package org.longwire.sample

import android.content.Intent
import android.os.Bundle
import org.junit.Before
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.Broadcast
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.shadows.ShadowLooper
import kotlin.test.assertEquals

/** How an app tests its receiver: with the broadcast that the library would send, and nothing else of it. */
@RunWith(RobolectricTestRunner::class)
class ChatReceiverTest {
    @get:Rule
    val process = OneProcess()
    private val app = RuntimeEnvironment.getApplication()

    @Before
    fun clear() = Chat.said.clear()

    private fun receive(intent: Intent) {
        ChatReceiver().onReceive(app, intent)
        val until = System.nanoTime() + WAIT_NS
        while (Chat.said.isEmpty() && System.nanoTime() < until) ShadowLooper.idleMainLooper()
    }

    @Test
    fun `a push reaches the chat`() {
        val data = Bundle().apply { putString("room", "kitchen") }
        receive(
            Intent(Broadcast.ACTION_RECEIVE)
                .putExtra(Broadcast.EXTRA_ID, "id-1")
                .putExtra(Broadcast.EXTRA_BODY, "Tea?")
                .putExtra(Broadcast.EXTRA_DATA, data)
                .putExtra(Broadcast.EXTRA_ATTEMPT, 1),
        )
        assertEquals(listOf("id-1 kitchen Tea?"), Chat.said)
    }

    @Test
    fun `an answer typed into the notification reaches the chat`() {
        receive(
            Intent(Broadcast.ACTION_ACTED)
                .putExtra(Broadcast.EXTRA_ID, "id-1")
                .putExtra(Broadcast.EXTRA_ACTION, "answer")
                .putExtra(Broadcast.EXTRA_TEXT, "yes"),
        )
        assertEquals(listOf("id-1 answered yes"), Chat.said)
    }

    private companion object {
        const val WAIT_NS = 20_000_000_000L
    }
}
