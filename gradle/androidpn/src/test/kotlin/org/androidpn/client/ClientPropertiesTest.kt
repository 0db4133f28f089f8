package org.androidpn.client

import org.junit.Test
import java.io.StringReader
import java.util.Properties
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

class ClientPropertiesTest {
    private fun read(text: String) = ClientProperties.of(Properties().apply { load(StringReader(text)) })

    @Test
    fun `what the file does not say is as in the original`() {
        assertEquals(ClientProperties("", "127.0.0.1", 5222, ServerOptions(null, null, null)), read(""))
    }

    @Test
    fun `the original's three keys are read, whatever blanks stand around them`() {
        val properties = read("apiKey = 1234567890\nxmppHost=192.168.0.5 \nxmppPort= 5223 \n")
        assertEquals(ClientProperties("1234567890", "192.168.0.5", 5223, ServerOptions(null, null, null)), properties)
    }

    @Test
    fun `a port that is none is named`() {
        for (port in listOf("0", "65536", "-1", "http", "")) {
            val failure = assertFailsWith<IllegalArgumentException> { read("xmppPort=$port") }
            assertContains(failure.message.orEmpty(), "xmppPort is '$port'")
        }
        assertEquals(65_535, read("xmppPort=65535").xmppPort)
        assertEquals(1, read("xmppPort=1").xmppPort)
    }
}
