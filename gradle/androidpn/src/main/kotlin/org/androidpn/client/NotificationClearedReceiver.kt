package org.androidpn.client

import android.content.BroadcastReceiver
import android.content.Context
import android.content.Intent
import org.longwire.push.PushIntents

/** Reached by a swipe: reports the dismissal, and broadcasts [Constants.ACTION_NOTIFICATION_CLEARED]. Works with the process dead. */
internal class NotificationClearedReceiver : BroadcastReceiver() {
    /** The person swiped the notification away. */
    override fun onReceive(
        context: Context,
        intent: Intent,
    ) {
        val extras = Extras.of(intent)
        if (extras.id.isEmpty()) return
        PushIntents(context).dismiss(extras.id).send()
        Broadcasts.send(context, Constants.ACTION_NOTIFICATION_CLEARED, extras)
    }
}
