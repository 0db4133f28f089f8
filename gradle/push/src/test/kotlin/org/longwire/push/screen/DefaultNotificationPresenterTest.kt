package org.longwire.push.screen

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.graphics.Bitmap
import android.os.Build
import org.junit.Test
import org.longwire.push.DefaultNotificationPresenter
import org.longwire.push.PushAction
import org.longwire.push.PushConfig
import org.longwire.push.PushIntents
import org.longwire.push.PushNotification
import org.longwire.push.PushTest
import org.longwire.push.platform.LOG_TAG
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowLog
import java.util.concurrent.Executor
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

class DefaultNotificationPresenterTest : PushTest() {
    private val downloads = ArrayDeque<Runnable>()
    private var picture: Bitmap? = Bitmap.createBitmap(8, 8, Bitmap.Config.ARGB_8888)
    private val screen = ArrayDeque<Runnable>()
    private val presenter = Presenter(app, { picture }, downloads::add, screen::add)
    private val push =
        PushNotification("n-1", title = "Door", body = "Bell", urgency = "high", sentAt = 1_000, attempt = 1)

    private class Presenter(
        context: Context,
        images: Images,
        downloads: Executor,
        screen: Executor,
    ) : DefaultNotificationPresenter(context, images, downloads, screen, { PushConfig("a", color = 0x00FF00) })

    private fun shown(id: String = "n-1"): Notification? =
        notifications.activeNotifications.firstOrNull { it.tag == id && it.id == Groups.ID }?.notification

    /** The download ends, and the screen's thread comes to it. */
    private fun pictureComes() {
        downloads.removeFirst().run()
        screen.removeFirst().run()
    }

    private fun tags(): List<String> = notifications.activeNotifications.map { it.tag }.sorted()

    @Suppress("DEPRECATION")
    private fun hasPicture(): Boolean = shown()?.extras?.containsKey(Notification.EXTRA_PICTURE) == true

    private fun isImmutable(intent: PendingIntent) = Build.VERSION.SDK_INT < Build.VERSION_CODES.S || intent.isImmutable

    @Test
    fun `it shows what was sent, under the id`() {
        assertTrue(presenter.show(push))
        val shown = assertNotNull(shown())
        assertEquals("Door", shown.extras.getString(Notification.EXTRA_TITLE))
        assertEquals("Bell", shown.extras.getString(Notification.EXTRA_TEXT))
        assertEquals(1_000, shown.`when`)
        assertTrue(shown.flags and Notification.FLAG_AUTO_CANCEL != 0)
        assertEquals(0x00FF00, shown.color and 0xFFFFFF)
        assertTrue(isImmutable(shown.contentIntent) && isImmutable(shown.deleteIntent))
        assertTrue(shadowOf(shown.contentIntent).isActivityIntent, "no trampoline")
    }

    @Test
    fun `what says nothing to a person is for the app alone, until newer content does`() {
        val data = PushNotification("n-1", data = mapOf("sync" to "1"), attempt = 1)
        assertFalse(presenter.show(data) || presenter.show(data.copy(title = "", body = "")))
        assertNull(shown())
        assertTrue(presenter.show(data.copy(body = "Bell", isUpdate = true)))
        assertNotNull(shown())
    }

    @Test
    fun `a repeat and an update replace it, and alert nobody`() {
        presenter.show(push)
        assertTrue(presenter.show(push.copy(attempt = 2)))
        presenter.show(push.copy(isUpdate = true, revision = 4, title = "Gate"))
        assertEquals(listOf("n-1"), tags())
        val shown = assertNotNull(shown())
        assertEquals("Gate", shown.extras.getString(Notification.EXTRA_TITLE))
        assertTrue(shown.flags and Notification.FLAG_ONLY_ALERT_ONCE != 0)
    }

    @Test
    fun `a recall takes it away, and what is not there is taken away all the same`() {
        presenter.show(push)
        presenter.show(push.copy(id = "n-2"))
        presenter.remove("n-1")
        presenter.remove("n-1")
        presenter.remove("never")
        assertEquals(listOf("n-2"), tags())
    }

    @Test
    fun `each urgency and sound has its channel`() {
        val expected =
            mapOf(
                "min" to NotificationManager.IMPORTANCE_MIN,
                "low" to NotificationManager.IMPORTANCE_LOW,
                "normal" to NotificationManager.IMPORTANCE_DEFAULT,
                "high" to NotificationManager.IMPORTANCE_HIGH,
                "critical" to NotificationManager.IMPORTANCE_HIGH,
                "a newer one" to NotificationManager.IMPORTANCE_DEFAULT,
                null to NotificationManager.IMPORTANCE_DEFAULT,
            )
        for ((urgency, importance) in expected) {
            presenter.show(push.copy(urgency = urgency, sound = "none"))
            val shown = assertNotNull(shown())
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
                val channel = notifications.getNotificationChannel(shown.channelId)
                assertEquals(importance, channel.importance, urgency)
                assertNull(channel.sound)
                presenter.show(push.copy(urgency = urgency))
                assertNotEquals(shown.channelId, shown()?.channelId, "a sound is a channel's")
                assertNotNull(notifications.getNotificationChannel(shown()?.channelId).sound)
            } else {
                @Suppress("DEPRECATION")
                assertEquals(importance == NotificationManager.IMPORTANCE_HIGH, shown.priority >= Notification.PRIORITY_HIGH, urgency)
                @Suppress("DEPRECATION")
                assertEquals(0, shown.defaults and Notification.DEFAULT_SOUND)
            }
        }
    }

    @Test
    fun `a sound that the app does not have is the default one`() {
        assertEquals(Tone.Default, Tone.of(app, "no_such_sound"))
        assertEquals(Tone.Default, Tone.of(app, "../etc"))
        assertEquals(Tone.Default, Tone.of(app, null))
        assertEquals(Tone.None, Tone.of(app, "none"))
    }

    @Test
    fun `what the person blocked is not called shown`() {
        shadowOf(notifications).setNotificationsEnabled(false)
        assertFalse(presenter.show(push))
        assertNull(shown())
        shadowOf(notifications).setNotificationsEnabled(true)
        assertTrue(presenter.show(push))
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return
        notifications.getNotificationChannel(shown()!!.channelId).importance = NotificationManager.IMPORTANCE_NONE
        assertFalse(presenter.show(push.copy(id = "n-2")))
        assertTrue(presenter.show(push.copy(id = "n-3", urgency = "low")), "the other channels are open")
    }

    @Test
    fun `what an app shows in a channel that it never made is not called shown`() {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return
        val own =
            object : DefaultNotificationPresenter(app) {
                override fun channel(notification: PushNotification) = "orders"
            }
        assertFalse(own.show(push))
        assertNull(shown())
        assertTrue(ShadowLog.getLogsForTag(LOG_TAG).any { "no notification channel orders" in it.msg })
        notifications.createNotificationChannel(NotificationChannel("orders", "Orders", NotificationManager.IMPORTANCE_LOW))
        assertTrue(own.show(push))
        assertEquals("orders", shown()?.channelId)
    }

    @Test
    fun `buttons and replies have intents of their own, mutable only where the system writes into them`() {
        val actions =
            listOf(
                PushAction("ok", "OK"),
                PushAction("web", "Web", "https://a"),
                PushAction("re", "Reply", isReply = true, placeholder = "Text"),
            )
        presenter.show(push.copy(actions = actions))
        presenter.show(push.copy(id = "n-2", actions = actions))
        val buttons = assertNotNull(shown()).actions
        assertEquals(listOf("OK", "Web", "Reply"), buttons.map { it.title.toString() })
        assertTrue(isImmutable(buttons[0].actionIntent) && isImmutable(buttons[1].actionIntent))
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) assertFalse(buttons[2].actionIntent.isImmutable)
        assertEquals("Text", buttons[2].remoteInputs.single().label)
        val all =
            listOf("n-1", "n-2").flatMap { id ->
                shown(id)!!.run {
                    listOf(contentIntent, deleteIntent) +
                        this.actions.map { it.actionIntent }
                }
            }
        assertEquals(all.size, all.map { shadowOf(it).savedIntent.dataString to shadowOf(it).savedIntent.component }.toSet().size)
        assertEquals(all.size, all.map { shadowOf(it).requestCode }.toSet().size)
        assertEquals(all.size, all.toSet().size, "each opens its own notification, not the last one")
    }

    @Test
    fun `a picture comes after the text, and alerts nobody`() {
        presenter.show(push.copy(image = "https://a/b.png"))
        assertFalse(hasPicture(), "the text does not wait for it")
        pictureComes()
        assertTrue(hasPicture())
        assertTrue(shown()!!.flags and Notification.FLAG_ONLY_ALERT_ONCE != 0)
    }

    @Test
    fun `a picture is added on the screen's thread alone`() {
        presenter.show(push.copy(image = "https://a/b.png"))
        downloads.removeFirst().run()
        assertFalse(hasPicture(), "the thread of downloads leaves the screen alone")
        screen.removeFirst().run()
        assertTrue(hasPicture())
    }

    @Test
    fun `a picture that cannot be had leaves the text`() {
        picture = null
        presenter.show(push.copy(image = "https://a/b.png"))
        pictureComes()
        assertNotNull(shown())
        assertFalse(hasPicture())
    }

    @Test
    fun `a picture brings nothing back, neither what was recalled nor what was dismissed nor old content`() {
        val withPicture = push.copy(image = "https://a/b.png")
        presenter.show(withPicture)
        presenter.remove("n-1")
        pictureComes()
        assertNull(shown())

        presenter.show(withPicture)
        notifications.cancel("n-1", Groups.ID)
        pictureComes()
        assertNull(shown())

        presenter.show(withPicture)
        presenter.show(push.copy(isUpdate = true, revision = 4, title = "Gate"))
        pictureComes()
        assertEquals("Gate", shown()?.extras?.getString(Notification.EXTRA_TITLE))
        assertFalse(hasPicture())
    }

    @Test
    fun `a group gets a summary with its second member, and loses it with its last`() {
        val summary = Groups.TAG + "door"
        presenter.show(push.copy(group = "door"))
        assertEquals(listOf("n-1"), tags())
        presenter.show(push.copy(id = "n-2", group = "door", title = "Gate"))
        presenter.show(push.copy(id = "n-3", group = "other"))
        assertEquals(listOf(summary, "n-1", "n-2", "n-3"), tags())
        val shown = assertNotNull(shown(summary))
        assertTrue(shown.flags and Notification.FLAG_GROUP_SUMMARY != 0)
        assertEquals("door", shown.group)
        assertEquals("door", shown()?.group)
        assertEquals(listOf("Door", "Gate"), shown.extras.getCharSequenceArray(Notification.EXTRA_TEXT_LINES)?.map { it.toString() })
        presenter.remove("n-1")
        assertTrue(summary in tags())
        presenter.remove("n-2")
        assertEquals(listOf("n-3"), tags())
    }

    @Test
    fun `an app may change what it looks like`() {
        val own =
            object : DefaultNotificationPresenter(app) {
                override fun adapt(
                    builder: Notification.Builder,
                    notification: PushNotification,
                ) {
                    builder.setContentTitle(notification.title?.uppercase())
                }
            }
        own.show(push)
        assertEquals("DOOR", shown()?.extras?.getString(Notification.EXTRA_TITLE))
    }

    @Test
    fun `the intents of two notifications are two`() {
        val intents = PushIntents(app)
        assertNotEquals(intents.open(push), intents.open(push.copy(id = "n-2")))
        assertEquals(intents.open(push), intents.open(push.copy(title = "another")))
        assertNotEquals(intents.dismiss("n-1"), intents.dismiss("n-2"))
    }
}
