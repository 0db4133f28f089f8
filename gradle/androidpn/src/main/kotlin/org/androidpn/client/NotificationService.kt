package org.androidpn.client

import android.app.Service
import android.content.Intent
import android.os.IBinder

/**
 * Stands for the original's service, so that manifests and calls that name it go on to work: it does what [ServiceManager.startService]
 * does, and ends. The connection is kept by `org.longwire.push.NotificationService`; only [ServiceManager.stopService] ends it.
 */
class NotificationService : Service() {
    /** Connects. */
    override fun onStartCommand(
        intent: Intent?,
        flags: Int,
        startId: Int,
    ): Int {
        ServiceManager(this).startService()
        stopSelf(startId)
        return START_NOT_STICKY
    }

    /** Nothing binds to it, as before. */
    override fun onBind(intent: Intent?): IBinder? = null
}
