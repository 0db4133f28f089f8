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
        val capabilities = capabilities(if (isWifi) NetworkCapabilities.TRANSPORT_WIFI else NetworkCapabilities.TRANSPORT_CELLULAR)
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

    private fun capabilities(transport: Int): NetworkCapabilities {
        val capabilities = ShadowNetworkCapabilities.newInstance()
        shadowOf(capabilities).addTransportType(transport)
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
        return capabilities
    }
}
