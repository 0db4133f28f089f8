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
    private val done = CopyOnWriteArrayList<String>()
    private val oneByOne = Dispatchers.IO.limitedParallelism(1)

    /** Blocks its thread, as an app's own code may. */
    private inner class Blocking : BroadcastReceiver() {
        override fun onReceive(
            context: Context,
            intent: Intent,
        ) {
            val name = intent.action.orEmpty()
            Background.run(context, goAsync(), "test", oneByOne) {
                latch.await()
                done += name
            }
        }
    }

    @Test
    fun `a broadcast is finished in time, also one whose turn has not come`() {
        Background.pendingMs = LIMIT_MS
        val finished = CopyOnWriteArrayList<String>()
        for (name in listOf("first", "second")) {
            val result =
                object : BroadcastReceiver() {
                    override fun onReceive(
                        context: Context,
                        intent: Intent,
                    ) {
                        finished += name
                    }
                }
            val receiver = Blocking()
            app.registerReceiver(receiver, IntentFilter(name))
            app.sendOrderedBroadcast(Intent(name).setPackage(app.packageName), null, result, null, 0, null, null)
        }
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
            latch.await()
            PushProcess.host(app)
        }
        val end = thread { PushProcess.end() }
        await { end.state == Thread.State.WAITING || end.state == Thread.State.TIMED_WAITING }
        latch.countDown()
        await { !end.isAlive }
    }

    private companion object {
        const val LIMIT_MS = 100L
    }
}
