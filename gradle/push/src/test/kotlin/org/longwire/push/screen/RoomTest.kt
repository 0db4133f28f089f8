package org.longwire.push.screen

import android.app.Notification
import android.os.Build
import android.os.SystemClock
import org.junit.Test
import org.longwire.push.DefaultNotificationPresenter
import org.longwire.push.PushNotification
import org.longwire.push.PushTest
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowSystemClock
import java.time.Duration
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** The system drops what is too many: what is called displayed was on the screen. */
class RoomTest : PushTest() {
    private val presenter = DefaultNotificationPresenter(app)
    private val most = room(Build.VERSION.SDK_INT).most

    private fun room(sdk: Int) = Room(app, notifications, sdk, SystemClock::elapsedRealtime, { Notification.Builder(app) }, {})

    private fun push(
        number: Int,
        group: String? = null,
    ) = PushNotification("n-$number", title = "Door", urgency = "low", sentAt = number.toLong(), attempt = 1, group = group)

    private fun show(
        numbers: IntRange,
        group: String? = null,
    ) {
        for (number in numbers) {
            ShadowSystemClock.advanceBy(Duration.ofMillis(1))
            assertTrue(presenter.show(push(number, group)), "$number")
        }
    }

    private fun more(): Notification? = notifications.activeNotifications.firstOrNull { it.tag == Room.TAG }?.notification

    private fun title() = more()?.extras?.getString(Notification.EXTRA_TITLE)

    private fun numbers(): List<Int> =
        notifications.activeNotifications.mapNotNull { it.tag?.takeIf { tag -> tag.startsWith("n-") }?.substring(2)?.toInt() }.sorted()

    private fun later() = ShadowSystemClock.advanceBy(Duration.ofMillis(Room.LAG_MS + 1))

    @Test
    fun `it stays below what the system lets an app show`() {
        val bounds = listOf(24, 28, 29, 30, 33, 34, 36).associateWith { room(it).most }
        assertEquals(mapOf(24 to 48, 28 to 48, 29 to 23, 30 to 23, 33 to 23, 34 to 48, 36 to 48), bounds)
    }

    @Test
    fun `at the bound all are shown, and one above the oldest are folded into one that opens the app`() {
        show(1..most)
        assertEquals((1..most).toList(), numbers())
        assertNull(more())
        show(most + 1..most + 1)
        assertEquals((3..most + 1).toList(), numbers())
        assertEquals("2 more", title())
        assertEquals(most, notifications.activeNotifications.size)
        assertTrue(shadowOf(assertNotNull(more()).contentIntent).isActivityIntent)
        show(most + 2..most + 12)
        assertEquals("13 more", title())
        assertEquals(most, notifications.activeNotifications.size)
        assertEquals((14..most + 12).toList(), numbers())
    }

    @Test
    fun `what was folded does not come back, not as a repeat nor with newer content nor in a new process, and may be recalled`() {
        show(1..most + 1)
        later()
        for (each in listOf(presenter, DefaultNotificationPresenter(app))) {
            assertTrue(each.show(push(1).copy(attempt = 2)), "it was on the screen")
            assertTrue(each.show(push(2).copy(isUpdate = true, revision = 4)))
        }
        assertEquals((3..most + 1).toList(), numbers())
        presenter.remove("n-1")
        assertEquals("1 more", title())
        presenter.remove("n-2")
        assertNull(more())
    }

    @Test
    fun `when the person took them away there is room again`() {
        show(1..most + 1)
        notifications.cancelAll()
        later()
        show(100 until 100 + most)
        assertEquals(most, numbers().size)
        assertNull(more())
    }

    @Test
    fun `a replacement needs no room, and a group needs some for its summary`() {
        show(1..most)
        show(5..5)
        assertNull(more())
        show(most + 1..most + 2, group = "g")
        assertTrue(notifications.activeNotifications.size <= most)
        assertTrue(notifications.activeNotifications.any { it.tag == Groups.TAG + "g" })
    }

    @Test
    fun `a summary goes with the last of its group`() {
        show(1..2, group = "g")
        show(3..most + 5)
        assertFalse(notifications.activeNotifications.any { it.tag == Groups.TAG + "g" })
    }

    @Test
    fun `where the app's own notifications leave no room, nothing is called shown`() {
        for (number in 1..most) notifications.notify(number, Notification.Builder(app).setSmallIcon(1).build())
        assertFalse(presenter.show(push(1)))
        assertEquals(emptyList(), numbers())
        notifications.cancel(1)
        later()
        assertTrue(presenter.show(push(1)))
    }
}
