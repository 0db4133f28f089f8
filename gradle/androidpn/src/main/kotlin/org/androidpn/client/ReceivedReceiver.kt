package org.androidpn.client

import android.content.Context
import org.longwire.push.PushNotification
import org.longwire.push.PushReceiver

/** Tells the app of each push in the original's words. An update of one is told again, under the same id. */
internal class ReceivedReceiver : PushReceiver() {
    override fun onPush(
        context: Context,
        push: PushNotification,
    ) {
        Broadcasts.send(context, Constants.ACTION_SHOW_NOTIFICATION, Extras.of(push, ClientPreferences(context)))
    }
}
