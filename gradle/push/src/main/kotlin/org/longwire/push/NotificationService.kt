package org.longwire.push

import android.app.Service
import android.content.Context
import android.content.Intent
import android.os.IBinder
import org.longwire.push.process.PushHost
import org.longwire.push.process.PushProcess
import org.longwire.push.screen.ServiceNotification

/**
 * Keeps the process alive while the phone receives. Its foreground service type is the app's choice, by the manifest placeholder
 * `longwireServiceType`: `remoteMessaging` or `specialUse`.
 */
public class NotificationService : Service() {
    private val host: PushHost by lazy { PushProcess.host(this) }

    /** Comes to the foreground, and begins. The system calls it again after it killed the process. */
    override fun onStartCommand(
        intent: Intent?,
        flags: Int,
        startId: Int,
    ): Int {
        host.service.isUp = host.service.attempt { ServiceNotification(this).show(this, host.settings.values.config) }
        if (!host.settings.values.isWanted) {
            stopSelf(startId)
            return START_NOT_STICKY
        }
        host.runSoon()
        return START_STICKY
    }

    /** The person swiped the app away: some phones then end its service too. */
    override fun onTaskRemoved(rootIntent: Intent?) {
        host.serviceEnded()
    }

    /** The system ended the service. */
    override fun onDestroy() {
        host.service.isUp = false
        host.serviceEnded()
        super.onDestroy()
    }

    /** Nothing binds to it. */
    override fun onBind(intent: Intent?): IBinder? = null

    internal companion object {
        fun intent(context: Context): Intent = Intent(context, NotificationService::class.java)
    }
}
