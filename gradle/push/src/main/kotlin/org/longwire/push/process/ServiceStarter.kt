package org.longwire.push.process

import android.content.Context
import android.os.Build
import android.util.Log
import org.longwire.push.NotificationService
import org.longwire.push.platform.Api26
import org.longwire.push.platform.LOG_TAG

/** Starts the foreground service, and knows whether the system refused. */
internal class ServiceStarter(
    private val context: Context,
) {
    /** Why the system refused the last start; `null` when it did not. */
    @Volatile
    var refusal: String? = null
        private set

    /** Whether the service is in the foreground: there is nothing to start then, and nothing to be refused. */
    @Volatile
    var isUp: Boolean = false

    /** Whether the service starts. Refusals are no error: from Android 12 on the background may start it only at certain times. */
    fun start(): Boolean =
        isUp ||
            attempt {
                val intent = NotificationService.intent(context)
                if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
                    Api26.startForegroundService(context, intent)
                } else {
                    context.startService(intent)
                }
            }

    /** Stops the service when it is up. One that has not come to the foreground yet would take the app down; it ends itself instead. */
    fun stop() {
        if (!isUp) return
        isUp = false
        context.stopService(NotificationService.intent(context))
    }

    /** Does what the system may refuse. */
    fun attempt(begin: () -> Unit): Boolean =
        try {
            begin()
            refusal = null
            true
        } catch (error: IllegalStateException) {
            // ForegroundServiceStartNotAllowedException, and its kin for types and for the background.
            refused(error)
        } catch (error: SecurityException) {
            // The permission of the service's type is missing.
            refused(error)
        }

    private fun refused(error: RuntimeException): Boolean {
        Log.w(LOG_TAG, "the system refuses the foreground service", error)
        refusal = error.message ?: error.javaClass.simpleName
        return false
    }
}
