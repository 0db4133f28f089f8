package org.longwire.push

import android.app.Notification
import android.app.PendingIntent
import android.app.RemoteInput
import android.content.Intent
import android.os.Bundle
import android.os.Looper
import org.junit.Test
import org.longwire.push.host.HostReceiver
import org.longwire.push.process.Arrival
import org.longwire.push.process.PushProcess
import org.longwire.push.process.Screen
import org.longwire.push.screen.Groups
import org.robolectric.Shadows.shadowOf
import java.util.concurrent.CountDownLatch
import kotlin.test.assertEquals
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
    fun `a reply that cannot be stored reaches the app all the same, and stays for another try`() {
        begin()
        val posted = Notification.Builder(app).setSmallIcon(1).build()
        notifications.notify("n-1", Groups.ID, posted)
        core.refusal = PushException(PushException.Kind.STORAGE, "disk full")
        fire(intents.act(push, push.actions[0]))
        await { HostReceiver.actions.isNotEmpty() }
        assertEquals(Triple("n-1", "ok", null), HostReceiver.actions.single())
        host.screen.settle()
        assertTrue("remove n-1" !in presenter.calls)
        assertEquals(listOf("n-1"), notifications.activeNotifications.map { it.tag })
        core.refusal = null
        fire(intents.act(push, push.actions[0]))
        await { "acted n-1 ok null" in core.calls && "remove n-1" in presenter.calls }
        await { HostReceiver.actions.size == 2 }
    }

    @Test
    fun `a button of what the phone does not know any more leaves the screen`() {
        begin()
        core.refusal = PushException(PushException.Kind.REFUSED, "no such notification", "item-not-found")
        fire(intents.act(push, push.actions[0]))
        await { "remove n-1" in presenter.calls && HostReceiver.actions.size == 1 }
    }

    @Test
    fun `what was swiped is not shown again when the core hands it again`() {
        begin()
        fire(intents.dismiss("n-1"))
        core.platform.handOver(push.copy(attempt = 2))
        await { "handed n-1 false" in core.calls }
        assertTrue("show n-1" !in presenter.calls, "neither shown nor heard")
    }

    @Test
    fun `a swipe that comes while others are handed again is in time`() {
        begin()
        presenter.isBusy = CountDownLatch(1)
        core.platform.handOver(PushNotification("n-0", attempt = 1))
        core.platform.handOver(push.copy(attempt = 2))
        await { "show n-0" in presenter.calls }
        fire(intents.dismiss("n-1"))
        shadowOf(Looper.getMainLooper()).idle()
        presenter.isBusy?.countDown()
        await { "handed n-1 false" in core.calls && "remove n-1" in presenter.calls }
        assertTrue("show n-1" !in presenter.calls)
    }

    @Test
    fun `a swipe that the process was started for comes before what is handed again`() {
        begin()
        // The main thread is at the app's own start; the swipe stands in its queue.
        fire(intents.dismiss("n-1"))
        core.platform.handOver(push.copy(attempt = 2))
        await { "handed n-1 false" in core.calls }
        assertTrue("show n-1" !in presenter.calls)
    }

    @Test
    fun `a main thread that is busy for long keeps nothing from the screen`() {
        val screen = Screen(app, Arrival(waitMs = 1)) { presenter }
        assertTrue(screen.show(push.copy(attempt = 2)))
        screen.close()
    }
}
