package org.longwire.push.platform

import android.app.AlarmManager
import android.app.PendingIntent
import android.content.Context
import android.content.Intent
import android.os.Build
import android.util.Log
import org.longwire.push.AlarmReceiver
import org.longwire.push.HeartbeatAlarm
import org.longwire.push.Push

/**
 * The system's alarms, in the best form that is allowed: exact with a listener (API 37), exact where the permission is granted, else
 * inexact. All of them fire in Doze.
 */
internal class SystemHeartbeatAlarm(
    private val context: Context,
    private val manager: AlarmManager,
    private val listenerAlarms: ListenerAlarms,
    private val onFired: () -> Unit,
) : HeartbeatAlarm {
    private val listener = AlarmManager.OnAlarmListener { onFired() }

    constructor(context: Context) : this(context, context.service<AlarmManager>())

    private constructor(context: Context, manager: AlarmManager) :
        this(context, manager, ListenerAlarms(manager), { Push.alarmFired(context) })

    override fun set(atElapsedMs: Long) {
        if (listenerAlarms.set(atElapsedMs, listener)) return
        val operation = operation()
        if (mayBeExact(manager)) {
            try {
                return manager.setExactAndAllowWhileIdle(AlarmManager.ELAPSED_REALTIME_WAKEUP, atElapsedMs, operation)
            } catch (error: SecurityException) {
                Log.i(LOG_TAG, "exact alarms were withdrawn", error)
            }
        }
        manager.setAndAllowWhileIdle(AlarmManager.ELAPSED_REALTIME_WAKEUP, atElapsedMs, operation)
    }

    override fun cancel() {
        manager.cancel(listener)
        manager.cancel(operation())
    }

    private fun operation(): PendingIntent {
        val flags = PendingIntent.FLAG_UPDATE_CURRENT or PendingIntent.FLAG_IMMUTABLE
        return PendingIntent.getBroadcast(context, 0, Intent(context, AlarmReceiver::class.java), flags)
    }

    companion object {
        /** Whether exact alarms need no permission here, or it is granted. */
        fun mayBeExact(manager: AlarmManager): Boolean = Build.VERSION.SDK_INT < Build.VERSION_CODES.S || Api31.mayBeExact(manager)
    }
}
