package org.longwire.push

import android.app.PendingIntent
import android.app.RemoteInput
import android.content.Intent
import android.os.Bundle
import org.junit.Test
import org.longwire.push.host.HostReceiver
import org.longwire.push.process.PushProcess
import org.robolectric.Shadows.shadowOf
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

/** What a person does without opening the app. */
class EventReceiverTest : PushTest() {
    private val presenter = FakePresenter()
    private val push =
        PushNotification("n-1", actions = listOf(PushAction("ok", "OK"), PushAction("re", "Reply", isReply = true)))
    private val intents = PushIntents(app)

    private fun begin() {
        PushProcess.components = PushComponents(presenter = { presenter })
        running()
    }

    private fun fire(
        intent: PendingIntent,
        fill: Intent? = null,
    ) {
        val saved = Intent(shadowOf(intent).savedIntent)
        if (fill != null) saved.fillIn(fill, 0).also { saved.clipData = fill.clipData }
        app.sendBroadcast(saved)
    }

    @Test
    fun `a dismissal is reported`() {
        begin()
        fire(intents.dismiss("n-1"))
        await { "dismissed n-1" in core.calls && "remove n-1" in presenter.calls }
    }

    @Test
    fun `a dismissal is reported with the process dead, and starts nothing`() {
        begin()
        core.handed("n-1", true)
        kill()
        fire(intents.dismiss("n-1"))
        await { cores.all.size == 2 && "dismissed n-1" in core.calls }
        assertEquals("closed", core.state("n-1"))
        assertTrue("start" !in core.calls)
    }

    @Test
    fun `a button is reported, broadcast to the app, and ends the notification`() {
        begin()
        fire(intents.act(push, push.actions[0]))
        await { HostReceiver.actions.isNotEmpty() }
        assertEquals(Triple("n-1", "ok", null), HostReceiver.actions.single())
        assertTrue("acted n-1 ok null" in core.calls && "remove n-1" in presenter.calls)
    }

    @Test
    fun `a reply carries its text`() {
        begin()
        val fill = Intent()
        val results = Bundle().apply { putCharSequence(PushIntents.KEY_REPLY, "On my way 😀") }
        RemoteInput.addResultsToIntent(arrayOf(RemoteInput.Builder(PushIntents.KEY_REPLY).build()), fill, results)
        fire(intents.act(push, push.actions[1]), fill)
        await { HostReceiver.actions.isNotEmpty() }
        assertEquals("On my way 😀", HostReceiver.actions.single().third)
        assertTrue("acted n-1 re On my way 😀" in core.calls)
    }

    @Test
    fun `what cannot be stored is not called done, but leaves the screen`() {
        begin()
        core.refusal = PushException(PushException.Kind.STORAGE, "disk full")
        fire(intents.act(push, push.actions[0]))
        await { "remove n-1" in presenter.calls }
        assertNotNull(core.refusal)
        assertTrue(HostReceiver.actions.isEmpty())
    }
}
