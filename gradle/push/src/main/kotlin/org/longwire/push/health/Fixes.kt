package org.longwire.push.health

import android.content.Intent
import android.net.Uri
import android.os.Build
import android.provider.Settings

/** The pages on which things are mended; each falls back to the app's own page where the phone does not have it. */
internal class Fixes(
    private val packageName: String,
    private val mayAskForBattery: Boolean = false,
    private val isResolvable: (Intent) -> Boolean,
) {
    fun app(): Intent = forPackage(Settings.ACTION_APPLICATION_DETAILS_SETTINGS)

    fun notifications(): Intent =
        page(Intent(ACTION_NOTIFICATIONS).putExtra(EXTRA_PACKAGE, packageName).putExtra("app_package", packageName))

    fun channel(id: String): Intent = page(Intent(ACTION_CHANNEL).putExtra(EXTRA_PACKAGE, packageName).putExtra(EXTRA_CHANNEL, id))

    /** The question for this app, where its manifest has the permission that only some apps may have; else the list of all apps. */
    fun battery(): Intent =
        page(if (mayAskForBattery) forPackage(ACTION_ASK_FOR_BATTERY) else Intent(Settings.ACTION_IGNORE_BATTERY_OPTIMIZATION_SETTINGS))

    fun backgroundData(): Intent = page(forPackage(Settings.ACTION_IGNORE_BACKGROUND_DATA_RESTRICTIONS_SETTINGS))

    fun exactAlarm(): Intent = if (Build.VERSION.SDK_INT < Build.VERSION_CODES.S) app() else page(forPackage(ACTION_EXACT_ALARM))

    fun vpn(): Intent = page(Intent(Settings.ACTION_VPN_SETTINGS))

    fun network(): Intent = page(Intent(Settings.ACTION_WIFI_SETTINGS))

    fun clock(): Intent = page(Intent(Settings.ACTION_DATE_SETTINGS))

    private fun forPackage(action: String): Intent = Intent(action, Uri.fromParts("package", packageName, null))

    private fun page(intent: Intent): Intent = (if (isResolvable(intent)) intent else app()).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)

    private companion object {
        const val ACTION_NOTIFICATIONS = "android.settings.APP_NOTIFICATION_SETTINGS"
        const val ACTION_CHANNEL = "android.settings.CHANNEL_NOTIFICATION_SETTINGS"
        const val ACTION_EXACT_ALARM = "android.settings.REQUEST_SCHEDULE_EXACT_ALARM"
        const val ACTION_ASK_FOR_BATTERY = "android.settings.REQUEST_IGNORE_BATTERY_OPTIMIZATIONS"
        const val EXTRA_PACKAGE = "android.provider.extra.APP_PACKAGE"
        const val EXTRA_CHANNEL = "android.provider.extra.CHANNEL_ID"
    }
}
