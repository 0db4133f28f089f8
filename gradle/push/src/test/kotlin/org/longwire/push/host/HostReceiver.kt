package org.longwire.push.host

import android.app.Activity
import android.content.Context
import org.longwire.push.PushNotification
import org.longwire.push.PushReceiver
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch

/** The receiver in the manifest of the host app. */
class HostReceiver : PushReceiver() {
    override fun onPush(
        context: Context,
        push: PushNotification,
    ) {
        isBusy?.await()
        received += push
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
        val received = CopyOnWriteArrayList<PushNotification>()

        /** What a call of [onPush] waits for. */
        @Volatile
        var isBusy: CountDownLatch? = null
        val actions = CopyOnWriteArrayList<Triple<String, String, String?>>()
    }
}

/** What a launcher opens. */
class LaunchActivity : Activity()
