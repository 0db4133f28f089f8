package org.androidpn.client

import android.content.Context
import android.content.Intent
import org.longwire.push.Broadcast

/** The original's three broadcasts, sent to the app itself alone, and in it to receivers that hold its permission. */
internal object Broadcasts {
    fun send(
        context: Context,
        action: String,
        extras: Extras,
    ) {
        val intent = extras.into(Intent(action)).setPackage(context.packageName).addFlags(Intent.FLAG_RECEIVER_FOREGROUND)
        context.sendBroadcast(intent, Broadcast.permission(context))
    }
}
