package org.longwire.push.platform

import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import java.security.cert.CertificateException
import java.security.cert.X509Certificate
import javax.net.ssl.TrustManagerFactory
import javax.net.ssl.X509TrustManager
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

@RunWith(RobolectricTestRunner::class)
class CertificateCheckTest {
    private var refusal: CertificateException? = null
    private val asked = mutableListOf<Triple<List<X509Certificate>, String, String?>>()

    /** As the system's: it also knows of hosts, by a method that is found by its name. */
    inner class Trusting : X509TrustManager {
        override fun getAcceptedIssuers() = emptyArray<X509Certificate>()

        override fun checkClientTrusted(
            chain: Array<out X509Certificate>,
            authType: String,
        ) = error("no client is checked")

        override fun checkServerTrusted(
            chain: Array<out X509Certificate>,
            authType: String,
        ) {
            asked += Triple(chain.toList(), authType, null)
            refusal?.let { throw it }
        }

        @Suppress("unused")
        fun checkServerTrusted(
            chain: Array<X509Certificate>,
            authType: String,
            host: String,
        ): List<X509Certificate> {
            asked += Triple(chain.toList(), authType, host)
            refusal?.let { throw it }
            return chain.toList()
        }
    }

    /** Certificates that this Java knows are at hand. */
    private fun anyCertificate(): X509Certificate {
        val factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm())
        factory.init(null as java.security.KeyStore?)
        return factory.trustManagers
            .filterIsInstance<X509TrustManager>()
            .first()
            .acceptedIssuers
            .first()
    }

    @Test
    fun `the system is asked, with the host`() {
        val certificate = anyCertificate()
        CertificateCheck(Trusting()).check(listOf(certificate.encoded), "ECDHE_ECDSA", "push.example.com")
        val (chain, authType, host) = asked.single()
        assertContentEquals(certificate.encoded, chain.single().encoded)
        assertEquals(listOf<String?>("ECDHE_ECDSA", "push.example.com"), listOf(authType, host))
    }

    @Test
    fun `what the system refuses is refused`() {
        refusal = CertificateException("expired")
        val error =
            assertFailsWith<CertificateException> {
                CertificateCheck(Trusting()).check(listOf(anyCertificate().encoded), "RSA", "a")
            }
        assertEquals("expired", error.message)
    }

    @Test
    fun `no certificate, or none that can be read, is refused`() {
        assertFailsWith<CertificateException> { CertificateCheck(Trusting()).check(emptyList(), "RSA", "a") }
        assertFailsWith<CertificateException> { CertificateCheck(Trusting()).check(listOf(byteArrayOf(1, 2, 3)), "RSA", "a") }
        assertEquals(0, asked.size)
    }

    @Test
    fun `a certificate that nobody vouches for is refused by the system itself`() {
        assertFailsWith<CertificateException> { CertificateCheck().check(listOf(SELF_SIGNED), "ECDHE_ECDSA", "localhost") }
    }

    private companion object {
        val SELF_SIGNED: ByteArray =
            java.util.Base64.getMimeDecoder().decode(
                """
                MIIBlTCCATugAwIBAgIUZIUocpgP+DbvCbE4UtUD9clTjskwCgYIKoZIzj0EAwIwFDESMBAGA1UE
                AwwJbG9jYWxob3N0MCAXDTI2MTEyMTE4NTMwMVoYDzIxMjYxMDI4MTg1MzAxWjAUMRIwEAYDVQQD
                DAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASrxFVF4kEXsrxf0qzz0orw9crN
                G5u3SX3RoAXhaHc6+jb/v1sCG7Rb200UJJfHuezhZCYQdwZLdkaDJY2IATQxo2kwZzAdBgNVHQ4E
                FgQUm7TDrQrrm6AtO5uRi4KHofY0FFowHwYDVR0jBBgwFoAUm7TDrQrrm6AtO5uRi4KHofY0FFow
                DwYDVR0TAQH/BAUwAwEB/zAUBgNVHREEDTALgglsb2NhbGhvc3QwCgYIKoZIzj0EAwIDSAAwRQIh
                APfpC+nTZ6wnZnPvyMEhI07TtQTdHjjL+kYKiq82a8PqAiAurhKe7omD5K02gXFM7HKbqZ7bJyAd
                gO7FT9c+JVwrCA==
                """.trimIndent(),
            )
    }
}
