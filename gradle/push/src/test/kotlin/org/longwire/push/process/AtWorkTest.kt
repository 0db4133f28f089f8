package org.longwire.push.process

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import org.junit.Test
import org.longwire.push.Broadcast
import org.longwire.push.FakePresenter
import org.longwire.push.PushComponents
import org.longwire.push.PushNotification
import org.longwire.push.PushTest
import org.longwire.push.host.HostReceiver
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Broadcasts that Android takes for finished before the app has them (rule 13 of the design). */
class AtWorkTest : PushTest() {
    private val push = PushNotification("n-1", title = "Door", attempt = 1)
    private val said = mutableListOf<String>()

    /** Comes after the app's receiver in the ordered broadcast. */
    private class Last : BroadcastReceiver() {
        val seen = CopyOnWriteArrayList<String>()

        override fun onReceive(
            context: Context,
            intent: Intent,
        ) {
            seen += Broadcast.notification(intent)!!.id
        }
    }

    private fun handed() = core.calls.filter { it.startsWith("handed") || it.startsWith("updated") }

    @Test
    fun `what waited too long counts as handed when the app has it, and not before`() {
        PushProcess.components = PushComponents(presenter = { FakePresenter() })
        running()
        val last = Last()
        app.registerReceiver(last, IntentFilter(Broadcast.ACTION_RECEIVE).apply { priority = -1 })
        Background.pendingMs = SOON_MS
        val busy = CountDownLatch(1)
        HostReceiver.isBusy = busy
        for (number in 1..3) core.platform.handOver(push.copy(id = "n-$number"))
        // The third is sent when the first two are finished for the system.
        await { "n-3" in last.seen }
        assertEquals(emptyList(), handed())
        busy.countDown()
        await { handed().size == 3 }
        assertEquals(listOf("n-1", "n-2", "n-3"), HostReceiver.received.map { it.id })
        assertEquals((1..3).map { "handed n-$it true" }, handed())
    }

    @Test
    fun `all receivers have to be through`() {
        val works = List(2) { AtWork.begin(push) }
        AtWork.whenThrough(push) { said += "through" }
        works[0].close()
        works[0].close()
        assertTrue(said.isEmpty())
        works[1].close()
        assertEquals(listOf("through"), said)
    }

    @Test
    fun `what nobody is at work on is answered at once`() {
        val work = AtWork.begin(push)
        AtWork.whenThrough(push.copy(revision = 9)) { said += "newer content" }
        AtWork.whenThrough(push.copy(id = "n-2")) { said += "another" }
        work.close()
        AtWork.whenThrough(push) { said += "afterwards" }
        assertEquals(listOf("newer content", "another", "afterwards"), said)
    }

    @Test
    fun `a process that ended answers nothing any more`() {
        val former = AtWork.begin(push)
        AtWork.whenThrough(push) { said += "former" }
        kill()
        val next = AtWork.begin(push.copy(attempt = 2))
        AtWork.whenThrough(push) { said += "next" }
        former.close()
        assertTrue(said.isEmpty())
        next.close()
        assertEquals(listOf("next"), said)
    }

    private companion object {
        const val SOON_MS = 100L
    }
}
