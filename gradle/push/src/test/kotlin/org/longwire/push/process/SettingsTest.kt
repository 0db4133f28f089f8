package org.longwire.push.process

import org.junit.Test
import org.longwire.push.ClientCertificate
import org.longwire.push.PushConfig
import org.longwire.push.PushTest
import org.longwire.push.R
import org.longwire.push.Tls
import org.longwire.push.Trust
import org.longwire.push.platform.LOG_TAG
import org.robolectric.shadows.ShadowLog
import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertTrue

class SettingsTest : PushTest() {
    private val folder get() = File(app.noBackupFilesDir, "longwire")

    @Test
    fun `everything is remembered by the next process`() {
        val full =
            PushConfig(
                server = "10.0.2.2:5222",
                appKey = "key",
                domain = "example.com",
                trust = Trust.Pin("ab:cd"),
                tls = Tls.START_TLS,
                showsNotifications = false,
                icon = R.drawable.longwire_notification,
                color = 0x7F00FF00,
                serviceTitle = "Title",
                serviceText = "Text",
                heartbeatSeconds = 30,
                clientCertificate = ClientCertificate("PEM", "KEY"),
            )
        for (one in listOf(full, PushConfig("a"), PushConfig("a", trust = Trust.Certificates("PEM")))) {
            Settings(app).change { it.copy(config = one, isWanted = true) }
            assertEquals(Settings.Values(one, true), Settings(app).values)
        }
    }

    @Test
    fun `it lies where backups do not reach`() {
        Settings(app).change { it.copy(config = config) }
        assertEquals(listOf("settings.json"), folder.list().orEmpty().toList())
        assertTrue(app.filesDir.list().isNullOrEmpty())
    }

    @Test
    fun `a file that cannot be read counts as none`() {
        folder.mkdirs()
        for (text in listOf("", "{", "[]", """{"config":{}}""", """{"config":{"server":"a b","trust":{"kind":"system"}}}""")) {
            File(folder, "settings.json").writeText(text)
            assertEquals(Settings.Values(), Settings(app).values, text)
        }
    }

    @Test
    fun `what is said of a damaged file repeats no key of it`() {
        Settings(app).change { it.copy(config = PushConfig("a", "app-secret", clientCertificate = ClientCertificate.fromPem("secret"))) }
        val file = File(folder, "settings.json")
        assertTrue("\"secret\"" in file.readText())
        file.writeText(file.readText().dropLast(1))
        ShadowLog.clear()
        assertEquals(Settings.Values(), Settings(app).values)
        val said = ShadowLog.getLogsForTag(LOG_TAG).joinToString { "${it.msg} ${it.throwable?.stackTraceToString()}" }
        assertTrue("cannot be read" in said && "damaged" in said && "secret" !in said, said)
    }

    @Test
    fun `a change answers what was there`() {
        val settings = Settings(app)
        assertEquals(Settings.Values(), settings.change { it.copy(isWanted = true) })
        assertEquals(Settings.Values(isWanted = true), settings.change { it.copy(isWanted = false) })
    }
}
