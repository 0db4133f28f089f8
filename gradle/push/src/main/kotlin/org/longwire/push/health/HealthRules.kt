package org.longwire.push.health

import android.content.Intent
import org.longwire.push.HealthCheck
import org.longwire.push.HealthItem
import org.longwire.push.HealthReport
import org.longwire.push.HealthState
import org.longwire.push.HealthState.OK
import org.longwire.push.HealthState.PROBLEM
import org.longwire.push.HealthState.WARNING
import org.longwire.push.PushState
import org.longwire.push.R
import kotlin.math.abs

/** Judges facts: a pure function but for the words. */
internal class HealthRules(
    private val text: (id: Int, arguments: Array<out Any>) -> String,
    private val fixes: Fixes,
) {
    fun report(facts: HealthFacts): HealthReport = HealthReport(HealthCheck.entries.map { check -> item(check, facts) })

    private fun item(
        check: HealthCheck,
        facts: HealthFacts,
    ): HealthItem =
        when (check) {
            HealthCheck.NOTIFICATION_PERMISSION -> notifications(facts)
            HealthCheck.CHANNEL_BLOCKED -> channels(facts)
            HealthCheck.BATTERY_OPTIMISATION -> battery(facts)
            HealthCheck.BACKGROUND_DATA -> backgroundData(facts)
            HealthCheck.STANDBY_BUCKET -> standby(facts)
            HealthCheck.EXACT_ALARM -> exactAlarm(facts)
            HealthCheck.AUTO_START -> autoStart(facts)
            HealthCheck.VPN -> vpn(facts)
            HealthCheck.CAPTIVE_PORTAL -> captivePortal(facts)
            HealthCheck.SERVER -> server(facts.state)
            HealthCheck.CLOCK -> clock(facts)
            HealthCheck.FOREGROUND_SERVICE -> foreground(facts)
        }

    private fun notifications(facts: HealthFacts) =
        if (facts.areNotificationsEnabled) {
            ok(HealthCheck.NOTIFICATION_PERMISSION, R.string.longwire_health_notifications_ok)
        } else {
            bad(HealthCheck.NOTIFICATION_PERMISSION, PROBLEM, R.string.longwire_health_notifications, fix = fixes.notifications())
        }

    private fun channels(facts: HealthFacts): HealthItem {
        val blocked = facts.blockedChannels
        if (blocked.isEmpty()) return ok(HealthCheck.CHANNEL_BLOCKED, R.string.longwire_health_channel_ok)
        val names = blocked.values.joinToString(", ")
        val fix = fixes.channel(blocked.keys.first())
        return bad(HealthCheck.CHANNEL_BLOCKED, PROBLEM, R.string.longwire_health_channel, names, fix = fix)
    }

    private fun battery(facts: HealthFacts) =
        if (facts.isIgnoringBatteryOptimisations) {
            ok(HealthCheck.BATTERY_OPTIMISATION, R.string.longwire_health_battery_ok)
        } else {
            bad(HealthCheck.BATTERY_OPTIMISATION, WARNING, R.string.longwire_health_battery, fix = fixes.battery())
        }

    private fun backgroundData(facts: HealthFacts) =
        if (facts.isBackgroundDataRestricted) {
            bad(HealthCheck.BACKGROUND_DATA, PROBLEM, R.string.longwire_health_data, fix = fixes.backgroundData())
        } else {
            ok(HealthCheck.BACKGROUND_DATA, R.string.longwire_health_data_ok)
        }

    private fun standby(facts: HealthFacts): HealthItem {
        val bucket = facts.standbyBucket ?: return ok(HealthCheck.STANDBY_BUCKET, R.string.longwire_health_standby_ok)
        return when {
            bucket >= BUCKET_RESTRICTED -> {
                bad(HealthCheck.STANDBY_BUCKET, PROBLEM, R.string.longwire_health_standby_restricted, fix = fixes.app())
            }

            bucket >= BUCKET_RARE -> {
                bad(HealthCheck.STANDBY_BUCKET, WARNING, R.string.longwire_health_standby, fix = fixes.app())
            }

            else -> {
                ok(HealthCheck.STANDBY_BUCKET, R.string.longwire_health_standby_ok)
            }
        }
    }

    private fun exactAlarm(facts: HealthFacts) =
        when {
            facts.mayBeExact -> ok(HealthCheck.EXACT_ALARM, R.string.longwire_health_alarm_ok)

            facts.asksForExact -> bad(HealthCheck.EXACT_ALARM, WARNING, R.string.longwire_health_alarm, fix = fixes.exactAlarm())

            // The system's page lists only apps that ask.
            else -> bad(HealthCheck.EXACT_ALARM, WARNING, R.string.longwire_health_alarm_not_asked)
        }

    private fun autoStart(facts: HealthFacts) =
        if (facts.autoStart == null) {
            ok(HealthCheck.AUTO_START, R.string.longwire_health_auto_start_ok)
        } else {
            // No phone tells whether it is allowed.
            bad(HealthCheck.AUTO_START, WARNING, R.string.longwire_health_auto_start, fix = facts.autoStart)
        }

    private fun vpn(facts: HealthFacts) =
        if (facts.isVpn) {
            bad(HealthCheck.VPN, WARNING, R.string.longwire_health_vpn, fix = fixes.vpn())
        } else {
            ok(HealthCheck.VPN, R.string.longwire_health_vpn_ok)
        }

    private fun captivePortal(facts: HealthFacts) =
        if (facts.isCaptivePortal) {
            bad(HealthCheck.CAPTIVE_PORTAL, PROBLEM, R.string.longwire_health_portal, fix = fixes.network())
        } else {
            ok(HealthCheck.CAPTIVE_PORTAL, R.string.longwire_health_portal_ok)
        }

    private fun server(state: PushState): HealthItem =
        when (state) {
            PushState.Idle -> {
                bad(HealthCheck.SERVER, WARNING, R.string.longwire_health_server_idle)
            }

            is PushState.Online -> {
                ok(HealthCheck.SERVER, R.string.longwire_health_server_ok)
            }

            is PushState.Blocked -> {
                val isServers = state.reason !in OWN_REASONS
                val sentence = if (isServers) R.string.longwire_health_server_blocked else R.string.longwire_health_server
                bad(HealthCheck.SERVER, PROBLEM, sentence, state.text)
            }

            is PushState.Waiting -> {
                if (state.reason == NO_NETWORK) {
                    bad(HealthCheck.SERVER, PROBLEM, R.string.longwire_health_server_no_network, fix = fixes.network())
                } else {
                    bad(HealthCheck.SERVER, PROBLEM, R.string.longwire_health_server, state.text, fix = fixes.network())
                }
            }

            PushState.Connecting, PushState.Registering, PushState.LoggingIn -> {
                bad(HealthCheck.SERVER, WARNING, R.string.longwire_health_server_connecting)
            }
        }

    private fun clock(facts: HealthFacts): HealthItem {
        val isRefused = (facts.state as? PushState.Waiting)?.reason == CERTIFICATE
        if (facts.serverTimeMs == 0L) {
            if (!isRefused) return ok(HealthCheck.CLOCK, R.string.longwire_health_clock_ok)
            return bad(HealthCheck.CLOCK, WARNING, R.string.longwire_health_clock_unknown, fix = fixes.clock())
        }
        val aheadMs = facts.phoneTimeMs - facts.serverTimeMs
        // After a reboot, the server's time is a lower bound until it is online: the phone may well be ahead of that.
        val wrongMs = if (facts.state is PushState.Online || isRefused) abs(aheadMs) else -aheadMs
        if (wrongMs < CLOCK_WRONG_MS) return ok(HealthCheck.CLOCK, R.string.longwire_health_clock_ok)
        return bad(HealthCheck.CLOCK, WARNING, R.string.longwire_health_clock, wrongMs / MINUTE_MS, fix = fixes.clock())
    }

    private fun foreground(facts: HealthFacts): HealthItem {
        val refusal =
            facts.foregroundRefusal ?: return ok(HealthCheck.FOREGROUND_SERVICE, R.string.longwire_health_foreground_ok)
        return bad(HealthCheck.FOREGROUND_SERVICE, PROBLEM, R.string.longwire_health_foreground, refusal, fix = fixes.battery())
    }

    private fun ok(
        check: HealthCheck,
        sentence: Int,
    ) = HealthItem(check, OK, text(sentence, emptyArray()))

    private fun bad(
        check: HealthCheck,
        state: HealthState,
        sentence: Int,
        vararg arguments: Any,
        fix: Intent? = null,
    ) = HealthItem(check, state, text(sentence, arguments), fix)

    companion object {
        const val BUCKET_RARE: Int = 40
        const val BUCKET_RESTRICTED: Int = 45
        const val CLOCK_WRONG_MS: Long = 5 * 60_000
        private const val MINUTE_MS = 60_000
        private const val NO_NETWORK = "no-network"
        private const val CERTIFICATE = "certificate"

        /** What blocks before any server is asked. */
        private val OWN_REASONS = setOf("config", "library")
    }
}
