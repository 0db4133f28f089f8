package org.longwire.push.health

import android.content.Context
import android.content.Intent
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.HealthCheck
import org.longwire.push.HealthState
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class HealthRulesTest {
    private val context: Context = RuntimeEnvironment.getApplication()
    private val text = { id: Int, arguments: Array<out Any> -> context.getString(id, *arguments) }
    private val rules = HealthRules(text, Fixes(context.packageName) { true })
    private val online = PushState.Online("d-1", null, 30)
    private val good = HealthFacts(state = online)
    private val page = Intent("a page of the maker's")

    /** For each check, facts that are bad, with the outcome and what the intent does. */
    private val bad: Map<HealthCheck, Triple<HealthFacts, HealthState, String?>> =
        mapOf(
            HealthCheck.NOTIFICATION_PERMISSION to
                Triple(good.copy(areNotificationsEnabled = false), HealthState.PROBLEM, "android.settings.APP_NOTIFICATION_SETTINGS"),
            HealthCheck.CHANNEL_BLOCKED to
                Triple(
                    good.copy(blockedChannels = mapOf("longwire.push.high" to "Important")),
                    HealthState.PROBLEM,
                    "android.settings.CHANNEL_NOTIFICATION_SETTINGS",
                ),
            HealthCheck.BATTERY_OPTIMISATION to
                Triple(
                    good.copy(isIgnoringBatteryOptimisations = false),
                    HealthState.WARNING,
                    "android.settings.IGNORE_BATTERY_OPTIMIZATION_SETTINGS",
                ),
            HealthCheck.BACKGROUND_DATA to
                Triple(
                    good.copy(isBackgroundDataRestricted = true),
                    HealthState.PROBLEM,
                    "android.settings.IGNORE_BACKGROUND_DATA_RESTRICTIONS_SETTINGS",
                ),
            HealthCheck.STANDBY_BUCKET to
                Triple(good.copy(standbyBucket = 40), HealthState.WARNING, "android.settings.APPLICATION_DETAILS_SETTINGS"),
            HealthCheck.AUTO_START to Triple(good.copy(autoStart = page), HealthState.WARNING, page.action),
            HealthCheck.VPN to Triple(good.copy(isVpn = true), HealthState.WARNING, "android.settings.VPN_SETTINGS"),
            HealthCheck.CAPTIVE_PORTAL to
                Triple(good.copy(isCaptivePortal = true), HealthState.PROBLEM, "android.settings.WIFI_SETTINGS"),
            HealthCheck.SERVER to
                Triple(
                    good.copy(state = PushState.Waiting(1, "refused", "nobody listens")),
                    HealthState.PROBLEM,
                    "android.settings.WIFI_SETTINGS",
                ),
            HealthCheck.CLOCK to
                Triple(
                    good.copy(serverTimeMs = 10_000_000, phoneTimeMs = 10_000_000 - HealthRules.CLOCK_WRONG_MS),
                    HealthState.WARNING,
                    "android.settings.DATE_SETTINGS",
                ),
            HealthCheck.FOREGROUND_SERVICE to
                Triple(
                    good.copy(foregroundRefusal = "not allowed"),
                    HealthState.PROBLEM,
                    "android.settings.IGNORE_BATTERY_OPTIMIZATION_SETTINGS",
                ),
        )

    @Test
    fun `a phone that is well says so of everything`() {
        val report = rules.report(good)
        assertEquals(HealthCheck.entries.toList(), report.items.map { it.check })
        assertTrue(report.isHealthy && report.problems.isEmpty())
        for (item in report.items) {
            assertEquals(HealthState.OK, item.state, item.check.name)
            assertNull(item.fix, item.check.name)
            assertTrue(item.sentence.endsWith("."), item.sentence)
        }
    }

    @Test
    fun `each check has its own bad state, sentence and page`() {
        for ((check, case) in bad) {
            val (facts, state, action) = case
            val report = rules.report(facts)
            val item = report[check]
            assertEquals(state, item.state, check.name)
            assertNotEquals(rules.report(good)[check].sentence, item.sentence)
            assertEquals(action, item.fix?.action, check.name)
            assertEquals(listOf(check), report.problems.map { it.check }, "and nothing else")
            assertEquals(state != HealthState.PROBLEM, report.isHealthy)
        }
        assertEquals(HealthCheck.entries.toSet() - HealthCheck.EXACT_ALARM, bad.keys)
    }

    @Test
    fun `blocked channels are called what the person knows them by`() {
        val blocked = mapOf("longwire.push.high" to "Important", "longwire.push.low.none" to "Quiet (none)")
        val item = rules.report(good.copy(blockedChannels = blocked))[HealthCheck.CHANNEL_BLOCKED]
        assertTrue("Important, Quiet (none)" in item.sentence && "longwire" !in item.sentence, item.sentence)
        assertEquals("longwire.push.high", item.fix?.getStringExtra("android.provider.extra.CHANNEL_ID"))
    }

    @Test
    fun `an app that does not ask for exact alarms is sent to no page, which could not allow them`() {
        val item = rules.report(good.copy(mayBeExact = false))[HealthCheck.EXACT_ALARM]
        assertEquals(HealthState.WARNING, item.state)
        assertNull(item.fix)
        assertTrue("does not ask" in item.sentence, item.sentence)
    }

    @Test
    fun `an inexact heartbeat is said, with the page of its permission where there is one`() {
        val item = rules.report(good.copy(mayBeExact = false, asksForExact = true))[HealthCheck.EXACT_ALARM]
        assertEquals(HealthState.WARNING, item.state)
        val isOld = android.os.Build.VERSION.SDK_INT < 31
        val expected = if (isOld) "android.settings.APPLICATION_DETAILS_SETTINGS" else "android.settings.REQUEST_SCHEDULE_EXACT_ALARM"
        assertEquals(expected, item.fix?.action)
        assertEquals(context.packageName, item.fix?.data?.schemeSpecificPart)
    }

    @Test
    fun `the standby bucket counts from rare on`() {
        fun state(bucket: Int) = rules.report(good.copy(standbyBucket = bucket))[HealthCheck.STANDBY_BUCKET].state
        assertEquals(listOf(HealthState.OK, HealthState.OK, HealthState.OK, HealthState.OK), listOf(5, 10, 20, 30).map(::state))
        assertEquals(listOf(HealthState.WARNING, HealthState.PROBLEM), listOf(40, 45).map(::state))
    }

    @Test
    fun `every state of the connection has its sentence`() {
        val states =
            listOf(
                PushState.Idle,
                PushState.Waiting(null, "no-network", "there is no network"),
                PushState.Waiting(1, "certificate", "the certificate is not one to trust"),
                PushState.Connecting,
                online,
                PushState.Blocked("app-key-needed", "the server asks for an app key"),
            )
        val items = states.map { rules.report(good.copy(state = it))[HealthCheck.SERVER] }
        assertEquals(states.size, items.map { it.sentence }.toSet().size)
        assertTrue("certificate" in items[2].sentence && "app key" in items[5].sentence)
        for (reason in listOf("config", "library")) {
            val item = rules.report(good.copy(state = PushState.Blocked(reason, "a sentence")))[HealthCheck.SERVER]
            assertFalse("The server" in item.sentence, reason)
        }
        assertNotNull(items[1].fix)
        assertEquals(items[3].sentence, rules.report(good.copy(state = PushState.LoggingIn))[HealthCheck.SERVER].sentence)
    }

    @Test
    fun `a clock is judged only against a server's time, either way`() {
        fun state(
            server: Long,
            phone: Long,
        ) = rules.report(good.copy(serverTimeMs = server, phoneTimeMs = phone))[HealthCheck.CLOCK].state
        val limit = HealthRules.CLOCK_WRONG_MS
        assertEquals(HealthState.OK, state(0, 1_000_000_000))
        assertEquals(HealthState.OK, state(limit * 9, limit * 10 - 1))
        assertEquals(listOf(HealthState.WARNING, HealthState.WARNING), listOf(state(limit * 9, limit * 10), state(limit * 10, limit * 9)))
    }

    @Test
    fun `what may be a lower bound of the server's time accuses no phone that is ahead of it`() {
        val facts = good.copy(serverTimeMs = DAY_MS, state = PushState.Waiting(null, "no-network", "there is no network"))

        fun state(facts: HealthFacts) = rules.report(facts)[HealthCheck.CLOCK].state
        assertEquals(HealthState.OK, state(facts.copy(phoneTimeMs = 2 * DAY_MS)))
        assertEquals(HealthState.WARNING, state(facts.copy(phoneTimeMs = 0)))
        val refused = PushState.Waiting(1, "certificate", "not yet valid")
        assertEquals(HealthState.WARNING, state(facts.copy(phoneTimeMs = 2 * DAY_MS, state = refused)))
        assertEquals(HealthState.WARNING, state(facts.copy(serverTimeMs = 0, phoneTimeMs = 0, state = refused)))
    }

    @Test
    fun `a page that the phone does not have is the app's own`() {
        val fixes = Fixes("org.example") { false }
        val app = "android.settings.APPLICATION_DETAILS_SETTINGS"
        for (intent in listOf(
            fixes.notifications(),
            fixes.channel("x"),
            fixes.battery(),
            fixes.backgroundData(),
            fixes.vpn(),
            fixes.clock(),
        )) {
            assertEquals(app, intent.action)
            assertEquals("package:org.example", intent.dataString)
            assertTrue(intent.flags and Intent.FLAG_ACTIVITY_NEW_TASK != 0)
        }
    }

    @Test
    fun `the person is asked about the battery only where the app may ask`() {
        assertEquals("android.settings.IGNORE_BATTERY_OPTIMIZATION_SETTINGS", Fixes("org.example") { true }.battery().action)
        val asked = Fixes("org.example", mayAskForBattery = true) { true }.battery()
        assertEquals("android.settings.REQUEST_IGNORE_BATTERY_OPTIMIZATIONS", asked.action)
        assertEquals("package:org.example", asked.dataString)
    }

    @Test
    fun `a maker's page is offered only where it is`() {
        assertNull(AutoStart.page("Xiaomi") { false })
        assertNull(AutoStart.page("Google") { true })
        assertEquals("com.miui.securitycenter", AutoStart.page("Xiaomi") { true }?.component?.packageName)
        assertEquals("com.miui.securitycenter", AutoStart.page("POCO") { true }?.component?.packageName)
        val second = AutoStart.page("HUAWEI") { "optimize" in it.component!!.className }
        assertFalse(second == null)
    }

    private companion object {
        const val DAY_MS = 86_400_000L
    }
}
