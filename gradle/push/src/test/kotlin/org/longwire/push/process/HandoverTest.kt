package org.longwire.push.process

import android.app.Activity
import android.content.BroadcastReceiver
import android.content.Context
import android.content.ContextWrapper
import android.content.Intent
import android.os.Bundle
import android.os.Handler
import android.os.Looper
import org.junit.Test
import org.longwire.push.Broadcast
import org.longwire.push.FakePresenter
import org.longwire.push.PushAction
import org.longwire.push.PushComponents
import org.longwire.push.PushNotification
import org.longwire.push.PushTest
import org.longwire.push.host.HostReceiver
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowPowerManager
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue

class HandoverTest : PushTest() {
    private val presenter = FakePresenter()
    private val full =
        PushNotification(
            id = "n-1",
            seq = 7,
            title = "Door",
            body = "Bell",
            data = mapOf("k" to "v", "ü" to ""),
            url = "https://example.com",
            image = "https://example.com/a.png",
            group = "g",
            sound = "none",
            urgency = "high",
            actions = listOf(PushAction("yes", "Yes", "app:x"), PushAction("re", "Reply", null, true, "Text")),
            user = "alice",
            sentAt = 1_000,
            receivedAt = 2_000,
            expiresAt = 3_000,
            attempt = 1,
        )

    private fun begin() {
        PushProcess.components = PushComponents(presenter = { presenter })
        running()
    }

    @Test
    fun `a notification is shown, broadcast to the app alone, and then counts as handed`() {
        begin()
        core.platform.handOver(full)
        await { "handed n-1 true" in core.calls }
        assertEquals(listOf("show n-1"), presenter.calls.toList())
        assertEquals(listOf(full), HostReceiver.received.toList())
    }

    @Test
    fun `the broadcast has the documented extras`() {
        val intent = Broadcast.received(app, full)
        assertEquals("org.longwire.push.action.RECEIVE", intent.action)
        assertEquals(app.packageName, intent.`package`)
        val strings =
            mapOf(
                "id" to "n-1",
                "title" to "Door",
                "body" to "Bell",
                "urgency" to "high",
                "url" to "https://example.com",
                "user" to "alice",
            )
        for ((name, value) in strings) assertEquals(value, intent.getStringExtra(name), name)
        val numbers = mapOf("sent_at" to 1_000L, "received_at" to 2_000L, "seq" to 7L)
        for ((name, value) in numbers) assertEquals(value, intent.getLongExtra(name, -1), name)
        assertEquals("v", intent.getBundleExtra("data")?.getString("k"))
        assertFalse(intent.getBooleanExtra("is_update", true))
        assertEquals(
            """[{"id":"yes","title":"Yes","url":"app:x"},{"id":"re","title":"Reply","reply":true,"placeholder":"Text"}]""",
            intent.getStringExtra("actions"),
        )
        assertEquals(full, Broadcast.notification(intent))
        val bare = PushNotification("n-2")
        assertEquals(bare, Broadcast.notification(Broadcast.received(app, bare)))
        assertNull(Broadcast.notification(Intent(Broadcast.ACTION_RECEIVE)))
    }

    /** Holds the ordered broadcast back, as a busy system does. */
    private class Slow(
        context: Context,
    ) : ContextWrapper(context) {
        val sent = CopyOnWriteArrayList<Pair<String?, BroadcastReceiver?>>()

        override fun sendOrderedBroadcast(
            intent: Intent,
            receiverPermission: String?,
            resultReceiver: BroadcastReceiver?,
            scheduler: Handler?,
            initialCode: Int,
            initialData: String?,
            initialExtras: Bundle?,
        ) {
            check(initialCode == Activity.RESULT_OK)
            sent += receiverPermission to resultReceiver
        }
    }

    @Test
    fun `it counts as handed only when the receivers are done, and the phone is awake until then`() {
        begin()
        val slow = Slow(app)
        val handover = Handover(slow, Screen(app) { presenter }, { core })
        handover.handOver(full)
        await { slow.sent.size == 1 }
        val lock = ShadowPowerManager.getLatestWakeLock()
        assertTrue(lock.isHeld)
        assertEquals("${app.packageName}.permission.LONGWIRE_RECEIVE", slow.sent[0].first)
        assertFalse(core.calls.any { it.startsWith("handed") })
        slow.sent[0].second!!.onReceive(app, Intent())
        assertTrue("handed n-1 true" in core.calls)
        assertFalse(lock.isHeld)
        handover.close()
    }

    @Test
    fun `an app that dies of a notification is not handed it for ever`() {
        begin()
        val slow = Slow(app)
        val handover = Handover(slow, Screen(app) { presenter }, { core })
        handover.handOver(full.copy(id = "n-5", attempt = Handover.ATTEMPTS_MAX))
        handover.handOver(full.copy(id = "n-6", attempt = Handover.ATTEMPTS_MAX + 1))
        await { "handed n-6 true" in core.calls }
        assertEquals(listOf("handed n-6 true"), core.calls.filter { it.startsWith("handed") }, "n-5 waits for the app")
        slow.sent[0].second!!.onReceive(app, Intent())
        await { slow.sent.size == 2 }
        slow.sent[1].second!!.onReceive(app, Intent())
        assertEquals(listOf("handed n-6 true", "handed n-5 true"), core.calls.filter { it.startsWith("handed") }, "once each")
        handover.close()
    }

    @Test
    fun `broadcasts go out one by one, and one that is never answered holds up the others no longer than a while`() {
        begin()
        val slow = Slow(app)
        val handover = Handover(slow, Screen(app) { presenter }, { core })
        handover.handOver(full)
        handover.handOver(full.copy(id = "n-2"))
        await { presenter.calls.size == 2 && slow.sent.size == 1 }
        shadowOf(Looper.getMainLooper()).idleFor(BroadcastQueue.ANSWER_MS + 1, TimeUnit.MILLISECONDS)
        // The second may come to the queue only now: it was shown, not yet sent.
        await { slow.sent.size == 2 }
        assertFalse(core.calls.any { it.startsWith("handed") }, "what was not answered comes again in the next process")
        slow.sent[1].second!!.onReceive(app, Intent())
        assertTrue("handed n-2 true" in core.calls)
        handover.close()
    }

    @Test
    fun `the phone is awake until the last of several is through, and for removals`() {
        begin()
        val slow = Slow(app)
        val handover = Handover(slow, Screen(app) { presenter }, { core })
        val lock = ShadowPowerManager.getLatestWakeLock()
        presenter.isBusy = CountDownLatch(1)
        handover.handOver(full)
        assertTrue(lock.isHeld, "on its way to the screen")
        handover.handOver(full.copy(id = "n-2"))
        handover.remove("n-3")
        presenter.isBusy?.countDown()
        await { "removed n-3" in core.calls && slow.sent.size == 1 }
        slow.sent[0].second!!.onReceive(app, Intent())
        assertTrue(lock.isHeld)
        slow.sent[1].second!!.onReceive(app, Intent())
        handover.close()
        assertFalse(lock.isHeld)
        handover.remove("n-1")
        handover.close()
        assertFalse(lock.isHeld)
        assertEquals(lock, ShadowPowerManager.getLatestWakeLock())
    }

    @Test
    fun `an update is answered with its revision`() {
        begin()
        core.platform.handOver(full.copy(isUpdate = true, revision = 9))
        await { "updated n-1 9" in core.calls }
        assertTrue(HostReceiver.received.single().isUpdate)
    }

    @Test
    fun `a recall takes it from the screen and is answered`() {
        begin()
        core.platform.remove("n-1", 1)
        await { "removed n-1" in core.calls }
        assertEquals(listOf("remove n-1"), presenter.calls.toList())
    }

    @Test
    fun `a presenter that fails keeps nothing from the app, and no removal is called done`() {
        begin()
        presenter.failure = IllegalStateException("no screen")
        core.platform.handOver(full)
        core.platform.remove("n-2", 1)
        core.platform.handOver(full.copy(id = "n-3"))
        await { core.calls.containsAll(listOf("handed n-1 false", "handed n-3 false")) }
        assertFalse("removed n-2" in core.calls)
    }

    @Test
    fun `an app that shows notifications itself gets the broadcast alone`() {
        PushProcess.components = PushComponents(presenter = { presenter })
        running(config.copy(showsNotifications = false))
        core.platform.handOver(full)
        await { "handed n-1 false" in core.calls }
        core.platform.remove("n-1", 1)
        await { "removed n-1" in core.calls }
        assertTrue(presenter.calls.isEmpty())
    }
}
