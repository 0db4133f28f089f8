package org.longwire.push.platform

import android.content.Context
import android.net.ConnectivityManager
import android.net.LinkProperties
import android.net.NetworkCapabilities
import android.telephony.TelephonyManager
import java.security.MessageDigest

/**
 * Names a network so that it is recognised when it comes again. A Wi-Fi's name needs the permission for locations; its gateway and
 * name servers do not, and they decide with which router the phone speaks.
 */
internal class NetworkNames(
    private val context: Context,
) {
    fun name(
        capabilities: NetworkCapabilities,
        link: LinkProperties?,
    ): String? =
        when {
            capabilities.hasTransport(NetworkCapabilities.TRANSPORT_VPN) -> "vpn:${fingerprint(link)}"
            capabilities.hasTransport(NetworkCapabilities.TRANSPORT_WIFI) -> "wifi:${fingerprint(link)}"
            capabilities.hasTransport(NetworkCapabilities.TRANSPORT_CELLULAR) -> "mobile:${mobileOperator()}"
            capabilities.hasTransport(NetworkCapabilities.TRANSPORT_ETHERNET) -> "ethernet:${fingerprint(link)}"
            else -> null
        }

    /** Country and network code, which need no permission. */
    private fun mobileOperator(): String =
        context
            .getSystemService(TelephonyManager::class.java)
            ?.networkOperator
            .orEmpty()

    companion object {
        private const val FINGERPRINT_BYTES = 8

        private fun fingerprint(link: LinkProperties?): String {
            val gateways =
                link
                    ?.routes
                    .orEmpty()
                    .filter { it.isDefaultRoute }
                    .mapNotNull { it.gateway?.hostAddress }
            val servers = link?.dnsServers.orEmpty().mapNotNull { it.hostAddress }
            return fingerprint((gateways + servers).sorted() + listOfNotNull(link?.domains))
        }

        /** The first bytes of a hash: the name says nothing about the network. */
        fun fingerprint(facts: List<String>): String {
            val hash = MessageDigest.getInstance("SHA-256").digest(facts.joinToString("|").toByteArray())
            return hash.take(FINGERPRINT_BYTES).joinToString("") { "%02x".format(it) }
        }
    }
}

/** What a manager says of its default network. */
internal fun ConnectivityManager.defaultCapabilities(): NetworkCapabilities? = activeNetwork?.let(::getNetworkCapabilities)
