package org.longwire.push

import android.app.RemoteInput
import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import org.longwire.push.process.Background
import org.longwire.push.process.PushHost
import org.longwire.push.process.PushProcess

/** What a person does with a notification without opening the app: dismiss it, press a button, reply. Works with the process dead. */
public class EventReceiver : BroadcastReceiver() {
    /** The person did something. */
    override fun onReceive(
        context: Context,
        intent: Intent,
    ) {
        val id = intent.getStringExtra(Broadcast.EXTRA_ID) ?: return
        val host = PushProcess.host(context)
        when (intent.action) {
            PushIntents.ACTION_DISMISSED -> {
                host.screen.closing(id)
                Background.run(host.context, goAsync(), "dismissal") { dismissed(host, id) }
            }

            PushIntents.ACTION_PRESSED -> {
                val action = intent.getStringExtra(Broadcast.EXTRA_ACTION) ?: return
                val reply = RemoteInput.getResultsFromIntent(intent)?.getCharSequence(PushIntents.KEY_REPLY)?.toString()
                host.screen.closing(id)
                Background.run(host.context, goAsync(), "action") { pressed(host, id, action, reply) }
            }
        }
    }

    private suspend fun dismissed(
        host: PushHost,
        id: String,
    ) {
        try {
            host.core().dismissed(id)
        } finally {
            host.clear(id)
        }
    }

    private suspend fun pressed(
        host: PushHost,
        id: String,
        action: String,
        text: String?,
    ) {
        val context = host.context
        try {
            host.core().acted(id, action, text)
            // Also ends the waiting sign of a reply.
            host.clear(id)
        } catch (error: PushException) {
            // The person may try again, unless that is in vain: the phone does not know the notification any more.
            if (error.kind == PushException.Kind.REFUSED) host.clear(id) else host.screen.keep(id)
            throw error
        } finally {
            context.sendBroadcast(Broadcast.acted(context, id, action, text), Broadcast.permission(context))
        }
    }
}
