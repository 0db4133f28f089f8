package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.host.HostActivity
import org.longwire.e2e.host.HostReceiver
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.text
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** From `POST /v1/notifications` to the app, the screen, and back. */
@RunWith(RobolectricTestRunner::class)
class DeliveryTest {
    @get:Rule
    val stage = Stage()

    @Test
    fun `a notification reaches the app and the screen, and a tap is told to the sender`() {
        val device = stage.phone.online().device
        val id = stage.api.send("all", "title" to "Door", "body" to "Bell", "data" to mapOf("door" to "front"), "urgency" to "high")

        val push = stage.phone.awaitPush(id)
        assertEquals(listOf("Door", "Bell", "high"), listOf(push.title, push.body, push.urgency))
        assertEquals(mapOf("door" to "front"), push.data)
        val shown = stage.phone.awaitShown("Door")
        assertEquals("Bell", shown.notification.text)
        stage.api.awaitDelivery(id, device, "displayed")

        val opened = stage.phone.tap(shown)
        assertEquals(HostActivity::class.java.name, opened.component?.className)
        val times = stage.api.awaitDelivery(id, device, "opened").getJSONObject("at")
        for (state in listOf(
            "accepted",
            "sent",
            "delivered",
            "displayed",
            "opened",
        )) {
            assertTrue(times.has(state), "$state is not in $times")
        }
        assertEquals(1, HostReceiver.received.size)
    }
}
