package org.longwire.sample

import android.app.Application
import android.content.Intent
import android.os.Bundle
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.Broadcast
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.annotation.Config
import java.util.UUID
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals

/** How an app tests its receiver: with the broadcast that the library would send, and without the app's own start, so nothing connects. */
@RunWith(RobolectricTestRunner::class)
@Config(application = Application::class)
class ChatReceiverTest {
    /** A new one in each test: what a receiver was through with is not passed on again. */
    private val id = UUID.randomUUID().toString()

    private fun receive(intent: Intent): String? {
        ChatReceiver().onReceive(RuntimeEnvironment.getApplication(), intent.putExtra(Broadcast.EXTRA_ID, id))
        return Chat.said.poll(20, TimeUnit.SECONDS)
    }

    @Test
    fun `a push reaches the chat`() {
        val data = Bundle().apply { putString("room", "kitchen") }
        val push = Intent(Broadcast.ACTION_RECEIVE).putExtra(Broadcast.EXTRA_BODY, "Tea?").putExtra(Broadcast.EXTRA_DATA, data)
        assertEquals("$id kitchen Tea?", receive(push))
    }

    @Test
    fun `an answer typed into the notification reaches the chat`() {
        val reply = Intent(Broadcast.ACTION_ACTED).putExtra(Broadcast.EXTRA_ACTION, "answer").putExtra(Broadcast.EXTRA_TEXT, "yes")
        assertEquals("$id answered yes", receive(reply))
    }

    /** The module's other tests begin without what the library kept of these. */
    @org.junit.After
    fun end() = Process.end()
}
