package org.androidpn.client

import android.content.Context
import android.util.Log
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.launch
import org.longwire.push.Push
import org.longwire.push.PushException

/** Tells the library what the person did, beside the main thread. */
internal object Report {
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.IO)

    fun opened(
        context: Context,
        id: String,
    ) {
        // A tap may be what began this process.
        Push.attach(context)
        scope.launch {
            try {
                Push.opened(id)
            } catch (failure: PushException) {
                Log.w(LogUtil.makeLogTag(ServiceManager::class.java), "that $id was opened is not told to the server", failure)
            }
        }
    }
}
