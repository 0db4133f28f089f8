package org.longwire.push.platform

import android.net.http.X509TrustManagerExtensions
import java.io.ByteArrayInputStream
import java.security.KeyStore
import java.security.cert.CertificateException
import java.security.cert.CertificateFactory
import java.security.cert.X509Certificate
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager

/**
 * Asks the system whether it trusts a chain of certificates. The system honours the user's authorities and the app's network security
 * configuration. Whether the certificate names the server is not asked here: the core compares the names.
 */
internal class CertificateCheck(
    private val manager: X509TrustManager,
) {
    constructor() : this(systemTrust())

    /** Throws [CertificateException] when the chain, DER, leaf first, is not trusted for [host]. */
    fun check(
        chain: List<ByteArray>,
        authType: String,
        host: String,
    ) {
        val factory = CertificateFactory.getInstance("X.509")
        val certificates =
            chain.map { factory.generateCertificate(ByteArrayInputStream(it)) as X509Certificate }.toTypedArray()
        if (certificates.isEmpty()) throw CertificateException("the server showed no certificate")
        val extensions = extensions()
        if (extensions == null) {
            manager.checkServerTrusted(certificates, authType)
        } else {
            extensions.checkServerTrusted(certificates, authType, host)
        }
    }

    /** `null` when an app put a trust manager in the system's place that knows of no hosts. */
    private fun extensions(): X509TrustManagerExtensions? =
        try {
            X509TrustManagerExtensions(manager)
        } catch (_: IllegalArgumentException) {
            null
        }

    private companion object {
        fun systemTrust(): X509TrustManager {
            val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
            factory.init(null as KeyStore?)
            return factory.trustManagers.filterIsInstance<X509TrustManager>().first()
        }
    }
}
