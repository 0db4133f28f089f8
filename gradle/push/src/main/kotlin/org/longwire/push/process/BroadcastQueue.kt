package org.longwire.push.process

import android.app.Activity
import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.os.Handler
import android.os.Looper
import android.os.SystemClock
import org.longwire.push.Broadcast

/**
 * Sends broadcasts to the app's receivers one after the other, as the system would anyway, and tells when the receivers are through with
 * each. One that is not answered holds up the others for a while, not for ever.
 */
internal class BroadcastQueue(
    private val context: Context,
    private val handler: Handler = Handler(Looper.getMainLooper()),
) {
    private class Item(
        val intent: Intent,
        val onDone: () -> Unit,
    )

    private val waiting = ArrayDeque<Item>()
    private var underWay: Item? = null

    fun send(
        intent: Intent,
        onDone: () -> Unit,
    ) {
        synchronized(waiting) { waiting += Item(intent, onDone) }
        next()
    }

    private fun next() {
        val item =
            synchronized(waiting) {
                if (underWay != null) return
                waiting.removeFirstOrNull()?.also { underWay = it } ?: return
            }
        // The form of postDelayed that takes a token is newer.
        handler.postAtTime({ leave(item) }, item, SystemClock.uptimeMillis() + ANSWER_MS)
        context.sendOrderedBroadcast(item.intent, Broadcast.permission(context), answer(item), null, Activity.RESULT_OK, null, null)
    }

    private fun answer(item: Item) =
        object : BroadcastReceiver() {
            override fun onReceive(
                context: Context,
                intent: Intent,
            ) {
                item.onDone()
                leave(item)
            }
        }

    private fun leave(item: Item) {
        handler.removeCallbacksAndMessages(item)
        synchronized(waiting) { if (underWay === item) underWay = null }
        next()
    }

    companion object {
        /** Longer than the system gives a receiver. */
        const val ANSWER_MS: Long = 30_000
    }
}
