package org.longwire.push

import android.content.Context
import android.content.Intent
import android.database.sqlite.SQLiteFullException
import kotlinx.coroutines.CoroutineDispatcher
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.CoroutineStart
import kotlinx.coroutines.awaitCancellation
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.junit.Test
import org.longwire.push.host.HostReceiver
import org.longwire.push.platform.SqlitePushStore
import org.longwire.push.process.AtWork
import org.longwire.push.process.ReceivedIds
import java.util.concurrent.CountDownLatch
import kotlin.coroutines.CoroutineContext
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** What the base class of receivers passes on (rule 13 of the design). */
class PushReceiverTest : PushTest() {
    private val push = PushNotification("n-1", title = "Door", attempt = 1)
    private val marker = PushNotification("marker", attempt = 1)

    private fun send(vararg all: PushNotification) {
        for (one in all) app.sendBroadcast(Broadcast.received(app, one), Broadcast.permission(app))
    }

    /** What arrived, when everything that was sent before is through. */
    private fun received(): List<PushNotification> {
        send(marker)
        await { HostReceiver.received.contains(marker) }
        return HostReceiver.received - marker
    }

    @Test
    fun `two broadcasts of one notification are one push`() {
        running()
        send(push, push, push.copy(attempt = 2), push.copy(attempt = 2))
        assertEquals(listOf(push), received())
    }

    @Test
    fun `two repeats at once are one push`() {
        running()
        send(push.copy(attempt = 2), push.copy(attempt = 2), push.copy(attempt = 3))
        assertEquals(listOf(push.copy(attempt = 2)), received())
    }

    @Test
    fun `a process that died before the core knew still knows what it was through with`() {
        running()
        send(push)
        await { HostReceiver.received.isNotEmpty() && ReceivedIds.of(app).contains(HostReceiver::class.java.name, push) }
        kill()
        send(push.copy(attempt = 2))
        assertEquals(listOf(push), received())
    }

    @Test
    fun `newer content of a notification is passed on, once`() {
        running()
        val update = push.copy(isUpdate = true, revision = 9, title = "Gate")
        send(push, update, update, update.copy(revision = 12))
        assertEquals(listOf(0L, 9L, 12L), received().map { it.revision })
    }

    @Test
    fun `a repeat of what was opened or dismissed meanwhile is dropped, also in a new process`() {
        runBlocking { running().dismissed("n-1") }
        kill()
        send(push.copy(attempt = 2))
        send(push.copy(attempt = 0))
        assertEquals(emptyList(), received())
    }

    @Test
    fun `what was opened or dismissed before its first broadcast came is dropped`() {
        runBlocking {
            running().opened("n-1")
            core.dismissed("n-2")
        }
        send(push, push.copy(id = "n-2"), push.copy(id = "n-3"))
        assertEquals(listOf("n-3"), received().map { it.id })
    }

    @Test
    fun `newer content is passed on although the first was opened`() {
        runBlocking { running().opened("n-1") }
        val update = push.copy(isUpdate = true, revision = 9)
        send(update)
        assertEquals(listOf(update), received())
    }

    @Test
    fun `what the core cannot tell is passed on`() {
        cores.failure = PushException(PushException.Kind.STORAGE, "disk full")
        Push.configure(app, config)
        send(push.copy(attempt = 3))
        assertEquals(listOf("n-1"), received().map { it.id })
    }

    @Test
    fun `a thread of the app's that is not heard of again in the middle of a call holds up no push`() {
        Push.configure(app, config)
        val gone =
            object : CoroutineDispatcher() {
                override fun dispatch(
                    context: CoroutineContext,
                    block: Runnable,
                ) {}
            }
        CoroutineScope(gone).launch(start = CoroutineStart.UNDISPATCHED) { Push.inbox() }
        await { cores.all.isNotEmpty() }
        send(push)
        assertEquals(listOf(push), received())
    }

    @Test
    fun `a core that does not answer holds up no push`() {
        running().onIsDone = { awaitCancellation() }
        host.patienceMs = SOON_MS
        send(push, push.copy(id = "n-2"))
        assertEquals(listOf("n-1", "n-2"), received().map { it.id })
    }

    @Test
    fun `a core that does not open holds up no push`() {
        val opens = CountDownLatch(1)
        cores.isBusy = opens
        try {
            Push.configure(app, config)
            host.patienceMs = SOON_MS
            send(push, push.copy(id = "n-2"))
            assertEquals(listOf("n-1", "n-2"), received().map { it.id })
        } finally {
            opens.countDown()
        }
    }

    @Test
    fun `each receiver has its own memory, and it forgets after the longest life of a notification`() {
        var now = 1_000_000L
        val ids = ReceivedIds({ now }) { SqlitePushStore(app, "ids.db") }
        ids.add("A", push)
        assertTrue(ids.contains("A", push) && !ids.contains("B", push))
        now += ReceivedIds.KEPT_MS
        ids.add("A", marker)
        assertTrue(ids.contains("A", push))
        now += 1
        ids.add("A", marker)
        assertFalse(ids.contains("A", push))
        ids.close()
    }

    @Test
    fun `a memory that fails makes a push come once more, and crashes nothing`() {
        val ids = ReceivedIds { throw SQLiteFullException("disk full") }
        ids.add("A", push)
        assertFalse(ids.contains("A", push))
    }

    @Test
    fun `an app that throws is told so, and handed it again`() {
        val dying =
            object : PushReceiver() {
                override fun onPush(
                    context: Context,
                    push: PushNotification,
                ) = error("the app's own mistake")
            }
        val crashes = mutableListOf<Throwable>()
        val former = Thread.getDefaultUncaughtExceptionHandler()
        Thread.setDefaultUncaughtExceptionHandler { _, error -> synchronized(crashes) { crashes += error } }
        try {
            dying.onReceive(app, Broadcast.received(app, push))
            await { synchronized(crashes) { crashes.any { it.message == "the app's own mistake" } } }
        } finally {
            Thread.setDefaultUncaughtExceptionHandler(former)
        }
        assertFalse(ReceivedIds.of(app).contains(dying.javaClass.name, push))
        var isAnswered = false
        AtWork.whenThrough(push) { isAnswered = true }
        assertFalse(isAnswered, "the core goes on to owe it")
    }

    @Test
    fun `a broadcast without an id is none`() {
        app.sendBroadcast(Intent(Broadcast.ACTION_RECEIVE).setPackage(app.packageName))
        assertEquals(emptyList(), received())
    }

    private companion object {
        const val SOON_MS = 100L
    }
}
