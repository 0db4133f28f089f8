package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.awaitThat
import org.longwire.e2e.world.stays
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals

/** Accounts that go, and phones that are not what they were. */
@RunWith(RobolectricTestRunner::class)
class AccountTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone

    @Test
    fun `a phone whose account is removed registers anew and keeps user and topics`() {
        val device = phone.online().device
        stage.api.bind(device, "alice")
        stage.api.join(device, "news")
        val former = stage.api.device(device).getString("account")

        stage.server.command("account", "remove", former)
        awaitThat("new account", seen = { stage.api.devices() }) {
            val account = stage.api.device(device).optString("account")
            account.isNotEmpty() && account != former
        }
        assertEquals(device, phone.awaitOnline().device)
        for (to in listOf("user:alice", "topic:news")) phone.awaitPush(stage.api.send(to, "title" to to))
    }

    @Test
    fun `data that a backup brought to another phone makes another installation there`() {
        val first = phone.online().device
        val backup = stage.newFolder("backup")
        phone.app.dataDir.copyRecursively(backup)
        phone.killProcess()
        val kept = File(backup, phone.app.noBackupFilesDir.name)
        kept.deleteRecursively()

        phone.moveTo(backup)
        val second = phone.online().device
        assertNotEquals(first, second)
        phone.killProcess()
        phone.moveTo(null)
        phone.startService(null)
        assertEquals(first, phone.awaitOnline().device)
        assertEquals(setOf(first, second), stage.api.devices().map { it.getString("id") }.toSet())
        stays("online without another connection") { phone.state is PushState.Online && stage.road.connections == CONNECTIONS }
    }

    private companion object {
        const val CONNECTIONS = 3
    }
}
