package org.longwire.push.process

import android.content.Context
import org.longwire.push.PushConfig
import org.longwire.push.Tls
import org.longwire.push.core.CoreConfig
import org.longwire.push.platform.BootId
import org.longwire.push.platform.NetworkNames
import org.longwire.push.platform.SqlitePushStore

/** What the core is told, from what the app said. */
internal object CoreConfigs {
    private const val STARTTLS_PORT = 5222

    fun of(
        context: Context,
        config: PushConfig,
    ): CoreConfig {
        val address = config.address
        // The host alone is the domain; a port, or another domain, means this very host.
        val isPlace = address.port != null || config.domain != null
        return CoreConfig(
            domain = domain(config),
            host = address.host.takeIf { isPlace },
            port = address.port,
            isDirectTls = isDirectTls(config.tls, address.port),
            appKey = config.appKey,
            trust = config.trust,
            clientCertificate = config.clientCertificate,
            software = software(context),
            bootId = BootId.read(context),
            directory = SqlitePushStore.folder(context).path,
            heartbeatSeconds = config.heartbeatSeconds,
        )
    }

    fun isSameServer(
        one: PushConfig,
        other: PushConfig,
    ): Boolean = server(one) == server(other)

    /** One database per domain: an account belongs to its server. */
    fun storeName(config: PushConfig): String = "push-${NetworkNames.fingerprint(listOf(domain(config)))}.db"

    private fun server(config: PushConfig): List<Any?> =
        listOf(config.server, domain(config), config.trust, config.clientCertificate, config.tls, config.heartbeatSeconds)

    private fun domain(config: PushConfig): String = config.domain ?: config.address.host

    private fun isDirectTls(
        tls: Tls,
        port: Int?,
    ): Boolean =
        when (tls) {
            Tls.AUTOMATIC -> port != STARTTLS_PORT
            Tls.DIRECT -> true
            Tls.START_TLS -> false
        }

    private fun software(context: Context): String {
        val version = context.packageManager.getPackageInfo(context.packageName, 0).versionName
        return listOfNotNull(context.packageName, version).joinToString(" ")
    }
}
