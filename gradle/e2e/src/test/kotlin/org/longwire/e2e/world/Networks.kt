@file:Suppress("DEPRECATION") // Robolectric's own way to say which network is the active one.

package org.longwire.e2e.world

import android.app.Application
import android.net.ConnectivityManager
import android.net.LinkProperties
import android.net.Network
import android.net.NetworkCapabilities
import android.net.NetworkInfo
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowNetwork
import org.robolectric.shadows.ShadowNetworkCapabilities
import org.robolectric.shadows.ShadowNetworkInfo

/** The networks of the phone, as the system tells of them. */
class Networks(
    app: Application,
) {
    private val shadow = shadowOf(app.getSystemService(ConnectivityManager::class.java)!!)
    private var network: Network? = null
    private var isWifi = false

    /** What a network that leads to the internet can do, beside its transport. */
    private val internet = listOf(NetworkCapabilities.NET_CAPABILITY_INTERNET, NetworkCapabilities.NET_CAPABILITY_VALIDATED)
    private val captive = listOf(NetworkCapabilities.NET_CAPABILITY_INTERNET, NetworkCapabilities.NET_CAPABILITY_CAPTIVE_PORTAL)

    init {
        enter(isWifi = true)
    }

    /** Airplane mode. */
    fun leave() {
        val former = network
        network = null
        shadow.clearAllNetworks()
        shadow.setActiveNetworkInfo(null)
        shadow.setDefaultNetworkActive(false)
        for (callback in shadow.networkCallbacks) former?.let(callback::onLost)
    }

    /** There is a network. */
    fun enter(isWifi: Boolean = this.isWifi) {
        this.isWifi = isWifi
        // Robolectric finds the active network by the number of its type.
        val type = if (isWifi) ConnectivityManager.TYPE_WIFI else ConnectivityManager.TYPE_MOBILE
        val next = ShadowNetwork.newInstance(type)
        val info = ShadowNetworkInfo.newInstance(NetworkInfo.DetailedState.CONNECTED, type, 0, true, NetworkInfo.State.CONNECTED)
        val capabilities = capabilities(internet)
        shadow.clearAllNetworks()
        shadow.setDefaultNetworkActive(true)
        shadow.setActiveNetworkInfo(info)
        shadow.addNetwork(next, info)
        shadow.setNetworkCapabilities(next, capabilities)
        shadow.setLinkProperties(next, LinkProperties())
        network = next
        for (callback in shadow.networkCallbacks) {
            callback.onAvailable(next)
            callback.onCapabilitiesChanged(next, capabilities)
        }
    }

    /** From Wi-Fi to the carrier's network, or back. */
    fun switch() = enter(!isWifi)

    /** The network that is there asks for a sign-in. */
    fun portal() = become(captive)

    /** The person signed in: the same network leads to the internet. */
    fun signIn() = become(internet)

    private fun become(kinds: List<Int>) {
        val same = checkNotNull(network) { "no network is there" }
        val capabilities = capabilities(kinds)
        shadow.setNetworkCapabilities(same, capabilities)
        for (callback in shadow.networkCallbacks) callback.onCapabilitiesChanged(same, capabilities)
    }

    private fun capabilities(kinds: List<Int>): NetworkCapabilities {
        val capabilities = ShadowNetworkCapabilities.newInstance()
        val transport = if (isWifi) NetworkCapabilities.TRANSPORT_WIFI else NetworkCapabilities.TRANSPORT_CELLULAR
        shadowOf(capabilities).addTransportType(transport)
        for (kind in kinds) shadowOf(capabilities).addCapability(kind)
        return capabilities
    }
}
