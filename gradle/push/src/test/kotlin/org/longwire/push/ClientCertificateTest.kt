package org.longwire.push

import org.junit.Test
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue

class ClientCertificateTest : PushTest() {
    @Test
    fun `it is equal by its texts, and neither its text nor its hash tells of them`() {
        val own = ClientCertificate("PEM", "KEY")
        val others = listOf(ClientCertificate("other", "KEY"), ClientCertificate("PEM", "other"), ClientCertificate.fromPem("PEM"))
        assertEquals(own, ClientCertificate("PEM", "KEY"))
        assertEquals(ClientCertificate("PEM", "PEM"), ClientCertificate.fromPem("PEM"))
        for (other in others) {
            assertNotEquals(own, other)
            assertEquals(own.hashCode(), other.hashCode())
            assertEquals("ClientCertificate", other.toString())
        }
    }

    @Test
    fun `it is read from a resource, and one that is not there is told`() {
        assertEquals(ClientCertificate.fromPem("PEM of a resource\n"), ClientCertificate.fromResource(app, R.raw.client_certificate))
        val error = assertFailsWith<PushException> { ClientCertificate.fromResource(app, 1) }
        assertTrue(error.isConfig && "client certificate" in error.message.orEmpty(), error.message)
    }
}
