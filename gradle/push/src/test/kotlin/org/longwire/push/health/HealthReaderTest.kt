package org.longwire.push.health

import android.app.NotificationManager
import android.app.usage.UsageStatsManager
import android.net.ConnectivityManager
import android.os.Build
import android.os.PowerManager
import org.junit.Test
import org.longwire.push.HealthCheck
import org.longwire.push.HealthState
import org.longwire.push.NetworkFacts
import org.longwire.push.NetworkMonitor
import org.longwire.push.Push
import org.longwire.push.PushComponents
import org.longwire.push.PushNotification
import org.longwire.push.PushTest
import org.longwire.push.platform.service
import org.longwire.push.process.PushProcess
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowAlarmManager
import org.robolectric.shadows.ShadowBuild
import org.robolectric.shadows.ShadowResolveInfo
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertTrue

/** Where the facts come from. */
class HealthReaderTest : PushTest() {
    private fun state(check: HealthCheck) = Push.health()[check].state

    private fun facts() = HealthReader(host) { 5_000_000 }.facts()

    @Test
    fun `notifications and channels are the person's`() {
        Push.configure(app, config)
        assertEquals(HealthState.OK, state(HealthCheck.NOTIFICATION_PERMISSION))
        shadowOf(notifications).setNotificationsEnabled(false)
        assertEquals(HealthState.PROBLEM, state(HealthCheck.NOTIFICATION_PERMISSION))
        shadowOf(notifications).setNotificationsEnabled(true)
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return
        host.presenter.show(PushNotification("n-1", title = "Door", urgency = "high"))
        assertEquals(HealthState.OK, state(HealthCheck.CHANNEL_BLOCKED))
        notifications.getNotificationChannel("longwire.push.high").importance = NotificationManager.IMPORTANCE_NONE
        assertEquals(HealthState.PROBLEM, state(HealthCheck.CHANNEL_BLOCKED))
        assertEquals(mapOf("longwire.push.high" to "Important"), facts().blockedChannels)
    }

    @Test
    fun `battery, data, alarms and bucket are the system's`() {
        Push.configure(app, config)
        val power = shadowOf(app.service<PowerManager>())
        val connectivity = shadowOf(app.service<ConnectivityManager>())
        for (isGood in listOf(true, false)) {
            power.setIgnoringBatteryOptimizations(app.packageName, isGood)
            assertEquals(isGood, facts().isIgnoringBatteryOptimisations)
            ShadowAlarmManager.setCanScheduleExactAlarms(isGood)
            assertEquals(isGood || Build.VERSION.SDK_INT < Build.VERSION_CODES.S, facts().mayBeExact)
            val restricted = ConnectivityManager.RESTRICT_BACKGROUND_STATUS_ENABLED
            val status = if (isGood) ConnectivityManager.RESTRICT_BACKGROUND_STATUS_WHITELISTED else restricted
            connectivity.setRestrictBackgroundStatus(status)
            assertEquals(!isGood, facts().isBackgroundDataRestricted)
        }
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.P) {
            assertEquals(null, facts().standbyBucket)
        } else {
            shadowOf(app.service<UsageStatsManager>()).setCurrentAppStandbyBucket(UsageStatsManager.STANDBY_BUCKET_RARE)
            assertEquals(HealthState.WARNING, state(HealthCheck.STANDBY_BUCKET))
        }
    }

    @Test
    fun `the manifest says whether exact alarms can be allowed`() {
        Push.configure(app, config)
        assertFalse(facts().asksForExact, "the library does not ask")
        val info = shadowOf(app.packageManager).getInternalMutablePackageInfo(app.packageName)
        info.requestedPermissions = arrayOf(*info.requestedPermissions.orEmpty(), "android.permission.SCHEDULE_EXACT_ALARM")
        assertTrue(facts().asksForExact)
    }

    @Test
    fun `the network's facts are those of the monitor, and the server's of the core`() {
        val network = NetworkFacts(isUsable = true, isCaptivePortal = true, isVpn = true)
        PushProcess.components = PushComponents(network = { FixedNetwork(network) })
        val core = running()
        assertEquals(listOf(network), core.facts.toList(), "told once, before the start")
        core.serverTime = 4_000_000
        val facts = facts()
        assertTrue(facts.isCaptivePortal && facts.isVpn)
        assertEquals(4_000_000 to 5_000_000, facts.serverTimeMs.toInt() to facts.phoneTimeMs.toInt())
        assertEquals(Push.state.value, facts.state)
        kill()
        assertEquals(0, facts().serverTimeMs, "the core is not opened for a report")
        assertFalse(cores.all.size > 1)
    }

    @Test
    fun `the maker's page is looked for on the phone`() {
        Push.configure(app, config)
        assertEquals(HealthState.OK, state(HealthCheck.AUTO_START))
        ShadowBuild.setManufacturer("Xiaomi")
        assertEquals(HealthState.OK, state(HealthCheck.AUTO_START))
        val page = AutoStart.page("Xiaomi") { true }!!
        @Suppress("DEPRECATION")
        shadowOf(
            app.packageManager,
        ).addResolveInfoForIntent(page, ShadowResolveInfo.newResolveInfo("Autostart", "com.miui.securitycenter", "x"))
        assertEquals(HealthState.WARNING, state(HealthCheck.AUTO_START))
    }

    @Test
    fun `without a configuration there is no report`() {
        assertFailsWith<org.longwire.push.PushException> { Push.health() }
    }

    private class FixedNetwork(
        private val facts: NetworkFacts,
    ) : NetworkMonitor {
        override fun facts() = facts

        override fun start(listener: (NetworkFacts) -> Unit) = listener(facts)

        override fun stop() = Unit
    }
}
