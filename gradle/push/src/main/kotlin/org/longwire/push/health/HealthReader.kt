package org.longwire.push.health

import android.app.AlarmManager
import android.app.NotificationManager
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.net.ConnectivityManager
import android.os.Build
import android.os.PowerManager
import org.longwire.push.HealthReport
import org.longwire.push.PushException
import org.longwire.push.platform.Api26
import org.longwire.push.platform.Api28
import org.longwire.push.platform.ListenerAlarms
import org.longwire.push.platform.SystemHeartbeatAlarm
import org.longwire.push.process.PushHost
import org.longwire.push.process.PushProcess
import org.longwire.push.screen.Channels

/** Reads what is to be judged. */
internal class HealthReader(
    private val host: PushHost,
    private val phoneTimeMs: () -> Long = System::currentTimeMillis,
) {
    private val context: Context = host.context
    private val notifications: NotificationManager? = context.getSystemService(NotificationManager::class.java)

    fun read(): HealthReport {
        val text = { id: Int, arguments: Array<out Any> -> context.getString(id, *arguments) }
        return HealthRules(text, Fixes(context.packageName, mayAskForBattery(), ::isResolvable)).report(facts())
    }

    fun facts(): HealthFacts {
        val network = host.network.facts()
        return HealthFacts(
            areNotificationsEnabled = notifications?.areNotificationsEnabled() != false,
            blockedChannels = blockedChannels(),
            isIgnoringBatteryOptimisations = isIgnoringBatteryOptimisations(),
            isBackgroundDataRestricted = isBackgroundDataRestricted(),
            standbyBucket = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) Api28.standbyBucket(context) else null,
            mayBeExact = mayBeExact(),
            asksForExact = asksForExact(),
            autoStart = AutoStart.page(Build.MANUFACTURER.orEmpty(), ::isResolvable),
            isVpn = network.isVpn,
            isCaptivePortal = network.isCaptivePortal,
            state = PushProcess.states.value,
            serverTimeMs = serverTimeMs(),
            phoneTimeMs = phoneTimeMs(),
            foregroundRefusal = host.service.refusal,
        )
    }

    private fun blockedChannels(): Map<String, String> {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return emptyMap()
        return notifications?.let { Api26.blockedChannels(it, Channels.PREFIX) }.orEmpty()
    }

    private fun isIgnoringBatteryOptimisations(): Boolean =
        context.getSystemService(PowerManager::class.java)?.isIgnoringBatteryOptimizations(context.packageName) != false

    private fun mayAskForBattery(): Boolean {
        val permission = "android.permission.REQUEST_IGNORE_BATTERY_OPTIMIZATIONS"
        return context.checkSelfPermission(permission) == PackageManager.PERMISSION_GRANTED
    }

    private fun isBackgroundDataRestricted(): Boolean {
        val status = context.getSystemService(ConnectivityManager::class.java)?.restrictBackgroundStatus
        return status == ConnectivityManager.RESTRICT_BACKGROUND_STATUS_ENABLED
    }

    private fun mayBeExact(): Boolean {
        if (Build.VERSION.SDK_INT >= ListenerAlarms.SDK) return true
        return context.getSystemService(AlarmManager::class.java)?.let(SystemHeartbeatAlarm::mayBeExact) == true
    }

    private fun asksForExact(): Boolean {
        val info = context.packageManager.getPackageInfo(context.packageName, PackageManager.GET_PERMISSIONS)
        return "android.permission.SCHEDULE_EXACT_ALARM" in info.requestedPermissions.orEmpty()
    }

    private fun serverTimeMs(): Long =
        try {
            host.coreIfOpen?.serverTimeMs() ?: 0
        } catch (_: PushException) {
            0
        }

    private fun isResolvable(intent: Intent): Boolean = context.packageManager.resolveActivity(intent, 0) != null
}
