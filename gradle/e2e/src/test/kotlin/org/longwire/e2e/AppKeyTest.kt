package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.stays
import org.longwire.push.Push
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals

/** A server that registers devices of apps that have a key. */
@RunWith(RobolectricTestRunner::class)
class AppKeyTest {
    @get:Rule
    val stage = Stage("--registration", "app-key")

    private val phone get() = stage.phone

    @Test
    fun `a phone with the app's key registers`() {
        phone.online(phone.config.copy(appKey = newKey()))
    }

    @Test
    fun `where the app's key is missing the phone says so, and goes on with the right one`() {
        phone.start()
        assertEquals("app-key-needed", blocked().reason)
        Push.configure(phone.app, phone.config.copy(appKey = newKey()))
        phone.awaitOnline()
    }

    @Test
    fun `a wrong app key is told and not tried for ever`() {
        phone.start(phone.config.copy(appKey = "lwa_000000000000_wrong"))
        assertEquals("app-key-refused", blocked().reason)
        val tried = stage.road.connections
        stays("blocked without another attempt") { phone.state is PushState.Blocked && stage.road.connections == tried }
    }

    private fun newKey(): String = stage.server.command("app", "key", "create", "--label", "android")

    private fun blocked(): PushState.Blocked = phone.awaitState("block") { it as? PushState.Blocked }
}
