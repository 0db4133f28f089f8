package org.longwire.push.platform

import android.content.Context
import android.net.ConnectivityManager
import android.net.LinkProperties
import android.net.Network
import android.net.NetworkCapabilities
import org.junit.After
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.NetworkFacts
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowNetwork
import org.robolectric.shadows.ShadowNetworkCapabilities
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class SystemNetworkMonitorTest {
    private val context: Context = RuntimeEnvironment.getApplication()
    private val manager = context.service<ConnectivityManager>()
    private val shadow = shadowOf(manager)
    private val monitor = SystemNetworkMonitor(context)
    private val told = mutableListOf<NetworkFacts>()
    private val first: Network = ShadowNetwork.newInstance(1)
    private val second: Network = ShadowNetwork.newInstance(2)

    @After
    fun stop() = monitor.stop()

    private fun capabilities(
        transport: Int,
        vararg extra: Int,
    ): NetworkCapabilities {
        val capabilities = ShadowNetworkCapabilities.newInstance()
        shadowOf(capabilities).addTransportType(transport)
        extra.forEach { shadowOf(capabilities).addCapability(it) }
        return capabilities
    }

    private val wifi = capabilities(NetworkCapabilities.TRANSPORT_WIFI)
    private val mobile = capabilities(NetworkCapabilities.TRANSPORT_CELLULAR)

    /** Without a network at the beginning. */
    private fun begin() {
        shadow.setDefaultNetworkActive(false)
        shadow.setActiveNetworkInfo(null)
        monitor.start { told += it }
    }

    private fun callback(): ConnectivityManager.NetworkCallback = shadow.networkCallbacks.single()

    private fun enter(
        network: Network,
        capabilities: NetworkCapabilities,
    ) {
        shadow.setNetworkCapabilities(network, capabilities)
        callback().onAvailable(network)
        callback().onCapabilitiesChanged(network, capabilities)
    }

    @Test
    fun `what holds at the beginning is told at once`() {
        begin()
        assertEquals(listOf(NetworkFacts(isUsable = false)), told)
    }

    @Test
    fun `a network that comes and goes is told once each`() {
        begin()
        enter(first, wifi)
        repeat(3) { callback().onCapabilitiesChanged(first, wifi) }
        callback().onLost(first)
        assertEquals(listOf(false, true, false), told.map { it.isUsable })
    }

    @Test
    fun `a switch ends the former network before it begins the next`() {
        begin()
        enter(first, wifi)
        enter(second, mobile)
        assertEquals(listOf(false, true, false, true), told.map { it.isUsable })
        assertTrue(told[1].id!!.startsWith("wifi:") && told[3].id!!.startsWith("mobile:"), told.toString())
        // The former one is lost later: that is no news.
        callback().onLost(first)
        assertEquals(4, told.size)
    }

    @Test
    fun `a network that asks for a sign-in says so, and the end of that is news`() {
        begin()
        enter(first, capabilities(NetworkCapabilities.TRANSPORT_WIFI, NetworkCapabilities.NET_CAPABILITY_CAPTIVE_PORTAL))
        assertTrue(told.last().isUsable && told.last().isCaptivePortal)
        callback().onCapabilitiesChanged(first, wifi)
        assertFalse(told.last().isCaptivePortal)
        assertEquals(3, told.size)
    }

    @Test
    fun `a network that turns out to lead somewhere is news although nothing else changed`() {
        begin()
        enter(first, wifi)
        val validated = capabilities(NetworkCapabilities.TRANSPORT_WIFI, NetworkCapabilities.NET_CAPABILITY_VALIDATED)
        repeat(2) { callback().onCapabilitiesChanged(first, validated) }
        assertEquals(3, told.size)
        assertEquals(told[1], told[2])
    }

    @Test
    @Config(minSdk = 29)
    fun `the end of a block is news, its beginning is not`() {
        begin()
        enter(first, wifi)
        callback().onBlockedStatusChanged(first, true)
        assertEquals(2, told.size)
        callback().onBlockedStatusChanged(first, false)
        assertEquals(3, told.size)
    }

    @Test
    fun `a VPN says so`() {
        begin()
        enter(first, capabilities(NetworkCapabilities.TRANSPORT_VPN))
        assertTrue(told.last().isVpn && told.last().id!!.startsWith("vpn:"))
    }

    @Test
    fun `a name stays with its network and tells nothing of it`() {
        val home = NetworkNames.fingerprint(listOf("192.168.178.1", "9.9.9.9"))
        assertEquals(home, NetworkNames.fingerprint(listOf("192.168.178.1", "9.9.9.9")))
        assertNotEquals(home, NetworkNames.fingerprint(listOf("192.168.0.1", "9.9.9.9")))
        assertFalse("192" in NetworkNames(context).name(wifi, LinkProperties()).orEmpty())
    }

    @Test
    fun `after the end nothing is told, and a second start replaces the first`() {
        begin()
        monitor.start { told += it }
        assertEquals(1, shadow.networkCallbacks.size)
        monitor.stop()
        assertEquals(0, shadow.networkCallbacks.size)
    }
}
