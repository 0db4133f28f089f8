package org.androidpn.client

import org.longwire.push.PushConfig
import org.longwire.push.Tls
import org.longwire.push.Trust

/** What the properties may say beyond the original's three keys. */
internal data class ServerOptions(
    /** The XMPP domain, when it is not the host. */
    val domain: String?,
    /** `direct` or `starttls`, when the port does not tell. */
    val tls: String?,
    /** SHA-256 of a certificate that no authority has signed. */
    val pin: String?,
)

/** The server that the properties name, as the library takes it. */
internal object Server {
    private const val DIRECT_PORT = 5223

    fun config(
        properties: ClientProperties,
        icon: Int,
    ): PushConfig {
        val host = properties.xmppHost
        val address = if (host.contains(':') && !host.startsWith("[")) "[$host]" else host
        return PushConfig(
            server = "$address:${properties.xmppPort}",
            appKey = properties.apiKey.ifEmpty { null },
            domain = properties.server.domain,
            trust = properties.server.pin?.let(Trust::Pin) ?: Trust.System,
            tls = tls(properties),
            icon = icon,
        )
    }

    /** The original knew STARTTLS alone, whatever the port; 5223 is where every server speaks TLS from the first byte. */
    private fun tls(properties: ClientProperties): Tls =
        when (val choice = properties.server.tls?.lowercase()) {
            null -> if (properties.xmppPort == DIRECT_PORT) Tls.DIRECT else Tls.START_TLS
            "direct" -> Tls.DIRECT
            "starttls" -> Tls.START_TLS
            else -> throw IllegalArgumentException("res/raw/androidpn.properties: xmppTls is '$choice', not direct or starttls")
        }
}
