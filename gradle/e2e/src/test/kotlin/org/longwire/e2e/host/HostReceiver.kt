package org.longwire.e2e.host

import android.content.Context
import org.longwire.push.PushNotification
import org.longwire.push.PushReceiver
import java.util.concurrent.CopyOnWriteArrayList

/** The app's receiver, named in its manifest. */
class HostReceiver : PushReceiver() {
    override fun onPush(
        context: Context,
        push: PushNotification,
    ) {
        received += push
        whenPushed(push)
    }

    override fun onAction(
        context: Context,
        id: String,
        action: String,
        text: String?,
    ) {
        actions += Triple(id, action, text)
    }

    companion object {
        /** What it was given, in order. */
        val received: MutableList<PushNotification> = CopyOnWriteArrayList()

        /** Buttons that were pressed: notification, button, text. */
        val actions: MutableList<Triple<String, String, String?>> = CopyOnWriteArrayList()

        /** What a test wants to happen besides. */
        var whenPushed: (PushNotification) -> Unit = {}

        /** As if nothing had been. */
        fun forget() {
            received.clear()
            actions.clear()
            whenPushed = {}
        }
    }
}
