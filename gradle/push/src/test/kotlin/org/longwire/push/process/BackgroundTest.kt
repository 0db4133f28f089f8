package org.longwire.push.process

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import kotlinx.coroutines.Dispatchers
import org.junit.Test
import org.longwire.push.PushTest
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertFalse

class BackgroundTest : PushTest() {
    private val latch = CountDownLatch(1)
    private val begun = CopyOnWriteArrayList<String>()
    private val done = CopyOnWriteArrayList<String>()
    private val finished = CopyOnWriteArrayList<String>()
    private val oneByOne = Dispatchers.IO.limitedParallelism(1)

    /** Blocks its thread, as an app's own code may. */
    private inner class Blocking : BroadcastReceiver() {
        override fun onReceive(
            context: Context,
            intent: Intent,
        ) {
            val name = intent.action.orEmpty()
            Background.run(context, goAsync(), "test", oneByOne) {
                begun += name
                latch.await()
                done += name
            }
        }
    }

    /** Sends a broadcast to a receiver of its own that blocks; notes when it is finished. */
    private fun send(name: String) {
        val result =
            object : BroadcastReceiver() {
                override fun onReceive(
                    context: Context,
                    intent: Intent,
                ) {
                    finished += name
                }
            }
        app.registerReceiver(Blocking(), IntentFilter(name))
        app.sendOrderedBroadcast(Intent(name).setPackage(app.packageName), null, result, null, 0, null, null)
    }

    @Test
    fun `a broadcast is finished in time, also one whose turn has not come`() {
        Background.pendingMs = LIMIT_MS
        send("first")
        send("second")
        try {
            await { finished.size == 2 }
            assertEquals(setOf("first", "second"), finished.toSet())
            assertFalse(done.isNotEmpty(), "the work itself goes on")
        } finally {
            latch.countDown()
        }
        await { done.size == 2 }
    }

    @Test
    fun `work that asks for the host does not hold up the end of the process`() {
        Background.run(app, null, "test") {
            begun += "work"
            latch.await()
            PushProcess.host(app)
        }
        await { begun.isNotEmpty() }
        val end = thread { PushProcess.end() }
        await { end.state == Thread.State.WAITING || end.state == Thread.State.TIMED_WAITING }
        latch.countDown()
        await { !end.isAlive }
    }

    @Test
    fun `a broadcast whose turn never comes is finished with the process`() {
        send("first")
        send("second")
        await { begun.isNotEmpty() }
        val end = thread { PushProcess.end() }
        try {
            await { finished.size == 2 }
            assertFalse(done.isNotEmpty(), "the first is under way")
        } finally {
            latch.countDown()
        }
        await { !end.isAlive }
        assertEquals(listOf("first"), done.toList())
    }

    private companion object {
        const val LIMIT_MS = 100L
    }
}
