package org.longwire.push

/** What is known of the network, without any permission for locations. */
public data class NetworkFacts(
    /** Whether there is a network at all. */
    public val isUsable: Boolean,
    /** A stable name of the network, by which what was learned there is found again: `wifi:…`, `mobile:…`. */
    public val id: String? = null,
    /** Whether the network asks for a sign-in first. */
    public val isCaptivePortal: Boolean = false,
    /** Whether a VPN carries the traffic. */
    public val isVpn: Boolean = false,
)

/** Watches the network. Replaceable through [PushComponents]. */
public interface NetworkMonitor {
    /** What holds now. */
    public fun facts(): NetworkFacts

    /** Tells [listener] at once what holds, and then, on any thread, whenever it changed, until [stop]. */
    public fun start(listener: (NetworkFacts) -> Unit)

    /** Ends what [start] began. */
    public fun stop()
}
