package org.longwire.push

import android.content.Intent

/** What keeps notifications from arriving, or may. */
public data class HealthReport(
    /** Every check, in a fixed order. */
    public val items: List<HealthItem>,
) {
    /** What is wrong or in doubt, the worse first. */
    public val problems: List<HealthItem>
        get() = items.filter { it.state != HealthState.OK }.sortedByDescending { it.state }

    /** Whether nothing is wrong. */
    public val isHealthy: Boolean get() = items.none { it.state == HealthState.PROBLEM }

    /** One check. */
    public operator fun get(check: HealthCheck): HealthItem = items.first { it.check == check }
}

/** One check, with its outcome. */
public data class HealthItem(
    /** What was looked at. */
    public val check: HealthCheck,
    /** How it is. */
    public val state: HealthState,
    /** A sentence for people. */
    public val sentence: String,
    /** What opens the page on which it is mended; `null` when there is nothing to mend, or no such page. */
    public val fix: Intent? = null,
)

/** How a check came out. */
public enum class HealthState {
    /** Nothing stands in the way. */
    OK,

    /** May delay notifications on some phones or at some times. */
    WARNING,

    /** Keeps notifications from arriving or from being seen. */
    PROBLEM,
}

/** What is looked at. */
public enum class HealthCheck {
    /** Whether the app may show notifications at all. */
    NOTIFICATION_PERMISSION,

    /** Whether the person blocked one of the library's channels. */
    CHANNEL_BLOCKED,

    /** Whether the system restricts the app to save battery. */
    BATTERY_OPTIMISATION,

    /** Whether the app may use data in the background. */
    BACKGROUND_DATA,

    /** How seldom the system takes the app to be used. */
    STANDBY_BUCKET,

    /** Whether the heartbeat may be exact. */
    EXACT_ALARM,

    /** Whether the phone's maker keeps apps from starting by themselves. */
    AUTO_START,

    /** Whether a VPN carries the traffic. */
    VPN,

    /** Whether the network asks for a sign-in. */
    CAPTIVE_PORTAL,

    /** Whether the server can be reached and lets this device in. */
    SERVER,

    /** Whether the phone's clock is right. */
    CLOCK,

    /** Whether the system let the foreground service start. */
    FOREGROUND_SERVICE,
}
