package org.longwire.push.platform

import android.content.Context
import android.net.ConnectivityManager
import android.net.LinkProperties
import android.net.Network
import android.net.NetworkCapabilities
import android.util.Log
import org.longwire.push.NetworkFacts
import org.longwire.push.NetworkMonitor

/** Watches the default network of this app. */
internal class SystemNetworkMonitor(
    context: Context,
    private val names: NetworkNames,
) : NetworkMonitor {
    constructor(context: Context) : this(context, NetworkNames(context))

    private val manager: ConnectivityManager? = context.getSystemService(ConnectivityManager::class.java)
    private val lock = Any()
    private var callback: ConnectivityManager.NetworkCallback? = null

    override fun facts(): NetworkFacts {
        val manager = manager ?: return UNKNOWN
        val network = manager.activeNetwork ?: return NONE
        return facts(manager.getNetworkCapabilities(network) ?: return UNKNOWN, manager.getLinkProperties(network))
    }

    override fun start(listener: (NetworkFacts) -> Unit) {
        val manager = manager ?: return listener(UNKNOWN)
        stop()
        val callback = Changes(manager, listener)
        synchronized(lock) { this.callback = callback }
        callback.begin()
        try {
            manager.registerDefaultNetworkCallback(callback)
        } catch (error: RuntimeException) {
            // The system refuses more than a hundred callbacks of one app. Attempts go on, by their own waits.
            Log.w(LOG_TAG, "cannot watch the network", error)
            synchronized(lock) { this.callback = null }
        }
    }

    override fun stop() {
        val callback = synchronized(lock) { this.callback.also { this.callback = null } } ?: return
        manager?.unregisterNetworkCallback(callback)
    }

    private fun facts(
        capabilities: NetworkCapabilities,
        link: LinkProperties?,
    ): NetworkFacts =
        NetworkFacts(
            isUsable = true,
            id = names.name(capabilities, link),
            isCaptivePortal = capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_CAPTIVE_PORTAL),
            isVpn = capabilities.hasTransport(NetworkCapabilities.TRANSPORT_VPN),
        )

    /** Turns what the system says into changes: its callbacks also tell of every change of the signal. */
    private inner class Changes(
        private val manager: ConnectivityManager,
        private val listener: (NetworkFacts) -> Unit,
    ) : ConnectivityManager.NetworkCallback() {
        private var network: Network? = null
        private var link: LinkProperties? = null
        private var told: NetworkFacts? = null
        private var isValidated = false
        private var isBlocked = false

        fun begin() {
            val network = manager.activeNetwork
            if (network == null) tell(NONE) else enter(network)
        }

        override fun onAvailable(network: Network) {
            if (network == this.network) return
            // What ran over the former network ends with it: the core hears of that end before it hears of the new one.
            if (this.network != null) tell(NONE)
            enter(network)
        }

        override fun onCapabilitiesChanged(
            network: Network,
            capabilities: NetworkCapabilities,
        ) {
            if (network == this.network) settle(capabilities)
        }

        override fun onLinkPropertiesChanged(
            network: Network,
            link: LinkProperties,
        ) {
            if (network != this.network) return
            this.link = link
            settle(manager.getNetworkCapabilities(network) ?: return)
        }

        override fun onBlockedStatusChanged(
            network: Network,
            blocked: Boolean,
        ) {
            if (network != this.network) return
            val becameFree = isBlocked && !blocked
            isBlocked = blocked
            // A blocked network is left as it is: its connection may outlive the block.
            if (becameFree) told?.let(listener)
        }

        override fun onLost(network: Network) {
            if (network != this.network) return
            this.network = null
            tell(NONE)
        }

        private fun enter(network: Network) {
            this.network = network
            link = manager.getLinkProperties(network)
            isValidated = false
            // Before Android 8 no callback follows; where one does, it corrects what is read here.
            val capabilities = manager.getNetworkCapabilities(network)
            if (capabilities == null) tell(UNKNOWN) else settle(capabilities)
        }

        private fun settle(capabilities: NetworkCapabilities) {
            val wasKnown = told != null && told != NONE
            val isValid = capabilities.hasCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
            val becameValid = wasKnown && isValid && !isValidated
            isValidated = isValid
            val facts = facts(capabilities, link)
            if (becameValid || facts != told) tell(facts)
        }

        private fun tell(facts: NetworkFacts) {
            told = facts
            listener(facts)
        }
    }

    private companion object {
        /** The platform does not say: attempts are made. */
        val UNKNOWN = NetworkFacts(isUsable = true)
        val NONE = NetworkFacts(isUsable = false)
    }
}
