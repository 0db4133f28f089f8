package org.longwire.e2e.world

import android.app.Application
import android.net.ConnectivityManager
import android.net.LinkProperties
import android.net.Network
import android.net.NetworkCapabilities
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowNetwork
import org.robolectric.shadows.ShadowNetworkCapabilities
import org.robolectric.shadows.ShadowNetworkInfo

/** The networks of the phone, as the system tells of them. */
class Networks(
    app: Application,
) {
    private val manager: ConnectivityManager = app.getSystemService(ConnectivityManager::class.java)!!
    private val shadow = shadowOf(manager)
    private var number = 100
    private var network: Network? = null

    init {
        enter()
    }

    /** Airplane mode. */
    fun leave() {
        val former = network
        network = null
        shadow.clearAllNetworks()
        shadow.setActiveNetworkInfo(null)
        for (callback in shadow.networkCallbacks) former?.let(callback::onLost)
    }

    /** There is a network. */
    fun enter() {
        number++
        val next = ShadowNetwork.newInstance(number)
        val capabilities = ShadowNetworkCapabilities.newInstance()
        shadowOf(capabilities).addTransportType(NetworkCapabilities.TRANSPORT_WIFI)
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_INTERNET)
        shadowOf(capabilities).addCapability(NetworkCapabilities.NET_CAPABILITY_VALIDATED)
        val info =
            ShadowNetworkInfo.newInstance(
                android.net.NetworkInfo.DetailedState.CONNECTED,
                ConnectivityManager.TYPE_WIFI,
                0,
                true,
                android.net.NetworkInfo.State.CONNECTED,
            )
        shadow.clearAllNetworks()
        shadow.addNetwork(next, info)
        shadow.setActiveNetworkInfo(info)
        shadow.setNetworkCapabilities(next, capabilities)
        shadow.setLinkProperties(next, LinkProperties())
        network = next
        for (callback in shadow.networkCallbacks) {
            callback.onAvailable(next)
            callback.onCapabilitiesChanged(next, capabilities)
        }
    }

    /** There is another network, and the former one is gone. */
    fun switch() {
        val former = network
        enter()
        for (callback in shadow.networkCallbacks) former?.let(callback::onLost)
    }
}
