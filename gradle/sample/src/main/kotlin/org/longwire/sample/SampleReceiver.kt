package org.longwire.sample

import android.content.Context
import android.util.Log
import kotlinx.coroutines.channels.BufferOverflow
import kotlinx.coroutines.flow.MutableSharedFlow
import kotlinx.coroutines.flow.SharedFlow
import org.longwire.push.PushNotification
import org.longwire.push.PushReceiver

/** Gets each push, whether the app is open or not. The library has shown it already; here the app does what it means. */
class SampleReceiver : PushReceiver() {
    override fun onPush(
        context: Context,
        push: PushNotification,
    ) {
        Log.i("sample", "push ${push.id}: ${push.data.size} fields, ${push.receivedAt - push.sentAt} ms under way")
        arrivals.tryEmit(push.id)
    }

    companion object {
        private val arrivals =
            MutableSharedFlow<String>(extraBufferCapacity = 1, onBufferOverflow = BufferOverflow.DROP_OLDEST)

        /** Tells the screen, when there is one, that its list is no longer the newest. */
        val arrived: SharedFlow<String> = arrivals
    }
}
