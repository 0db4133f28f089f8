package org.longwire.push.health

import android.content.Intent
import org.longwire.push.PushState

/** What is known of the phone, without judgement. */
internal data class HealthFacts(
    val areNotificationsEnabled: Boolean = true,
    /** The library's channels that the person blocked: ids with their names. */
    val blockedChannels: Map<String, String> = emptyMap(),
    val isIgnoringBatteryOptimisations: Boolean = true,
    val isBackgroundDataRestricted: Boolean = false,
    /** `UsageStatsManager`'s number, `null` before Android 9. */
    val standbyBucket: Int? = null,
    val mayBeExact: Boolean = true,
    /** Whether the app's manifest asks for exact alarms, so that the person can allow them. */
    val asksForExact: Boolean = false,
    /** The maker's page, when the phone has one. */
    val autoStart: Intent? = null,
    val isVpn: Boolean = false,
    val isCaptivePortal: Boolean = false,
    val state: PushState = PushState.Idle,
    /** The server's time, 0 while it is not known, and the phone's. */
    val serverTimeMs: Long = 0,
    val phoneTimeMs: Long = 0,
    /** Why the system refused the foreground service. */
    val foregroundRefusal: String? = null,
)
