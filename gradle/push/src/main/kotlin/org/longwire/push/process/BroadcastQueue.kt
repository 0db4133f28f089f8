package org.longwire.push.process

import android.app.Activity
import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.os.Handler
import android.os.Looper
import android.os.SystemClock
import android.util.Log
import org.longwire.push.Broadcast
import org.longwire.push.PushException
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.QueueLock
import java.io.Closeable

/**
 * Sends broadcasts to the app's receivers one after the other, as the system would anyway, and tells when the receivers are through with
 * each. One that is not answered holds up the others for a while, not for ever.
 */
internal class BroadcastQueue(
    private val context: Context,
    private val handler: Handler = Handler(Looper.getMainLooper()),
    private val awake: QueueLock = QueueLock(context, "broadcast"),
) {
    private class Item(
        val intent: Intent,
        val onDone: () -> Unit,
        /** Its place in the queue that keeps the processor awake. */
        val entry: Closeable,
    )

    private val waiting = ArrayDeque<Item>()
    private var underWay: Item? = null

    fun send(
        intent: Intent,
        onDone: () -> Unit,
    ) {
        synchronized(waiting) { waiting += Item(intent, onDone, awake.enter()) }
        next()
    }

    private fun next() {
        val item =
            synchronized(waiting) {
                if (underWay != null) return
                waiting.removeFirstOrNull()?.also { underWay = it } ?: return
            }
        awake.moved()
        // The form of postDelayed that takes a token is newer.
        handler.postAtTime({ leave(item) }, item, SystemClock.uptimeMillis() + ANSWER_MS)
        try {
            context.sendOrderedBroadcast(item.intent, Broadcast.permission(context), answer(item), null, Activity.RESULT_OK, null, null)
        } catch (error: RuntimeException) {
            // Too large, or the system is going down. It is not answered, and so comes again in the next process.
            Log.e(LOG_TAG, "cannot send a broadcast", error)
            leave(item)
        }
    }

    private fun answer(item: Item) =
        object : BroadcastReceiver() {
            override fun onReceive(
                context: Context,
                intent: Intent,
            ) {
                try {
                    item.onDone()
                } catch (error: PushException) {
                    // The core has no storage, or is closed: it comes again in the next process.
                    Log.w(LOG_TAG, "cannot answer a broadcast", error)
                }
                leave(item)
            }
        }

    private fun leave(item: Item) {
        handler.removeCallbacksAndMessages(item)
        item.entry.close()
        synchronized(waiting) { if (underWay === item) underWay = null }
        next()
    }

    companion object {
        /** Longer than the system gives a receiver. */
        const val ANSWER_MS: Long = 30_000
    }
}
