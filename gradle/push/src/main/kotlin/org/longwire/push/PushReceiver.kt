package org.longwire.push

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import android.util.Log
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.process.AtWork
import org.longwire.push.process.Background
import org.longwire.push.process.PushProcess
import org.longwire.push.process.ReceivedIds
import java.io.Closeable

/**
 * The base of an app's receiver. Declare it in the manifest, not exported, with an intent filter for [Broadcast.ACTION_RECEIVE] (and
 * [Broadcast.ACTION_ACTED]):
 *
 * ```xml
 * <receiver android:name=".MyReceiver" android:exported="false">
 *     <intent-filter>
 *         <action android:name="org.longwire.push.action.RECEIVE" />
 *         <action android:name="org.longwire.push.action.ACTED" />
 *     </intent-filter>
 * </receiver>
 * ```
 *
 * A notification is handed over again, in the next process, when the process died before [onPush] was through with it: also one that waited
 * behind others for longer than Android gives a broadcast. This class passes on none that [onPush] was through with, or that was opened or
 * dismissed meanwhile, be it a repeat or not. In another process of the app than the library's it cannot tell the library that it is late:
 * there a broadcast counts as handed after some 9 s.
 */
public abstract class PushReceiver : BroadcastReceiver() {
    /**
     * A notification, or the newer content of one. Runs in the background, one at a time, and has some 9 s: what takes longer holds up those
     * that come next, and what the server is told of them.
     */
    protected abstract fun onPush(
        context: Context,
        push: PushNotification,
    )

    /** A button without a url was pressed, with the text of a reply. Runs in the background and has some 9 s. */
    protected open fun onAction(
        context: Context,
        id: String,
        action: String,
        text: String?,
    ) {
    }

    /** Takes the broadcast off the main thread and calls what fits it; not to be called by apps. */
    final override fun onReceive(
        context: Context,
        intent: Intent,
    ) {
        val application = context.applicationContext
        when (intent.action) {
            Broadcast.ACTION_RECEIVE -> {
                val push = Broadcast.notification(intent) ?: return
                // From here on, before the system can take the broadcast for finished.
                val work = AtWork.begin(push)
                inBackground(application, "push") { work(application, push, work) }
            }

            Broadcast.ACTION_ACTED -> {
                val id = intent.getStringExtra(Broadcast.EXTRA_ID) ?: return
                val action = intent.getStringExtra(Broadcast.EXTRA_ACTION) ?: return
                val text = intent.getStringExtra(Broadcast.EXTRA_TEXT)
                inBackground(application, "action") { onAction(application, id, action, text) }
            }
        }
    }

    private fun inBackground(
        context: Context,
        what: String,
        block: suspend () -> Unit,
    ) {
        Background.run(context, goAsync(), what, inOrder) { turns.withLock { block() } }
    }

    /** An end by any other exception is that of the process, and the push comes again. */
    private suspend fun work(
        context: Context,
        push: PushNotification,
        work: Closeable,
    ) {
        try {
            receive(context, push)
        } catch (error: PushException) {
            Log.w(LOG_TAG, "push ${push.id}: ${error.message}")
        }
        work.close()
    }

    private suspend fun receive(
        context: Context,
        push: PushNotification,
    ) {
        val ids = ReceivedIds.of(context)
        if (ids.contains(javaClass.name, push) || isDone(context, push)) return
        onPush(context, push)
        ids.add(javaClass.name, push)
    }

    /** Also at the first hand-over: the person may have been faster than the broadcast. Once more is better than not at all. */
    private suspend fun isDone(
        context: Context,
        push: PushNotification,
    ): Boolean {
        if (push.isUpdate || push.isOnce) return false
        val isDone =
            try {
                PushProcess.host(context).isDone(push.id)
            } catch (error: PushException) {
                Log.w(LOG_TAG, "cannot tell whether ${push.id} is done", error)
                return false
            }
        if (isDone == null) Log.w(LOG_TAG, "the core does not tell whether ${push.id} is done")
        return isDone == true
    }

    private companion object {
        /** Pushes take their turns in the order in which they came, and one is through before the next is looked at. */
        val inOrder = Dispatchers.IO.limitedParallelism(1)
        val turns = Mutex()
    }
}
