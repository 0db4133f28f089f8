package org.androidpn.client

import android.app.Notification
import android.app.NotificationManager
import android.content.Context
import android.content.pm.PackageManager
import android.os.Build
import org.androidpn.client.test.R
import org.junit.After
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.Push
import org.longwire.push.PushComponents
import org.longwire.push.PushNotification
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowLooper
import org.robolectric.shadows.ShadowToast
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotEquals
import kotlin.test.assertNull
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class PresenterTest {
    private val context = RuntimeEnvironment.getApplication()
    private val manager = checkNotNull(context.getSystemService(NotificationManager::class.java))
    private val presenter = AndroidpnPresenter(context)

    @After
    fun end() {
        Process.end()
        Push.components = PushComponents()
    }

    private fun set(
        key: String,
        value: Boolean,
    ) {
        context.getSharedPreferences("client_preferences", Context.MODE_PRIVATE).edit().putBoolean(key, value).commit()
    }

    private fun push(
        id: String,
        body: String = "Bell",
    ) = PushNotification(id = id, title = "Door $id", body = body, url = "tel:$id", attempt = 1)

    private fun shown(id: String): Notification? = manager.activeNotifications.firstOrNull { it.tag == id }?.notification

    @Test
    fun `it is in place without a word of the app`() {
        val flags = PackageManager.GET_PROVIDERS
        val providers = context.packageManager.getPackageInfo(context.packageName, flags).providers.orEmpty()
        val authority = providers.single { it.name == Initializer::class.java.name }.authority
        assertEquals("org.androidpn.client.test.androidpn", authority)
        Robolectric.buildContentProvider(Initializer::class.java).create(authority)
        assertIs<AndroidpnPresenter>(Push.components.presenter(context))
    }

    @Test
    fun `each of several notifications opens its own details`() {
        assertTrue(presenter.show(push("1")) && presenter.show(push("2")) && presenter.show(push("3")))
        for (id in listOf("1", "2", "3")) {
            val intent = shadowOf(shown(id)?.contentIntent).savedIntent
            assertEquals(NotificationDetailsActivity::class.java.name, intent.component?.className)
            assertEquals(Extras(id, "", "Door $id", "Bell", "tel:$id"), Extras.of(intent))
            val cleared = shadowOf(shown(id)?.deleteIntent).savedIntent
            assertEquals(NotificationClearedReceiver::class.java.name, cleared.component?.className)
            assertEquals(id, cleared.getStringExtra("NOTIFICATION_ID"))
        }
        assertNotEquals(shown("1")?.contentIntent, shown("2")?.contentIntent)
        assertTrue(shadowOf(shown("1")?.contentIntent).isImmutable)
    }

    @Test
    fun `an update changes what the details of the same notification say`() {
        presenter.show(push("1"))
        presenter.show(push("1", body = "Window").copy(isUpdate = true, revision = 1))
        assertEquals("Window", Extras.of(shadowOf(shown("1")?.contentIntent).savedIntent).message)
        assertEquals(1, manager.activeNotifications.size)
    }

    @Test
    fun `a recall takes it from the screen`() {
        presenter.show(push("1"))
        presenter.remove("1")
        assertNull(shown("1"))
    }

    @Test
    fun `switched off, nothing is shown, and the server hears so`() {
        set(Constants.SETTINGS_NOTIFICATION_ENABLED, false)
        assertFalse(presenter.show(push("1")))
        assertEquals(0, manager.activeNotifications.size)
    }

    @Test
    fun `sound and vibration are as the user set them`() {
        for (hasSound in listOf(true, false)) {
            for (hasVibration in listOf(true, false)) {
                set(Constants.SETTINGS_SOUND_ENABLED, hasSound)
                set(Constants.SETTINGS_VIBRATE_ENABLED, hasVibration)
                presenter.show(push("1"))
                assertEquals(hasSound to hasVibration, soundAndVibration(checkNotNull(shown("1"))))
            }
        }
    }

    @Suppress("DEPRECATION")
    private fun soundAndVibration(notification: Notification): Pair<Boolean, Boolean> {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) {
            val defaults = notification.defaults
            return (defaults and Notification.DEFAULT_SOUND != 0) to (defaults and Notification.DEFAULT_VIBRATE != 0)
        }
        val channel = manager.getNotificationChannel(notification.channelId)
        return (channel.sound != null) to channel.shouldVibrate()
    }

    @Test
    fun `a push that says it is silent stays silent`() {
        presenter.show(push("1").copy(sound = "none"))
        assertEquals(false to true, soundAndVibration(checkNotNull(shown("1"))))
    }

    @Test
    fun `a channel that the user blocked shows nothing, and the server hears so`() {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return
        presenter.show(push("1"))
        val channel = manager.getNotificationChannel(checkNotNull(shown("1")).channelId)
        manager.deleteNotificationChannel(channel.id)
        channel.importance = NotificationManager.IMPORTANCE_NONE
        manager.createNotificationChannel(channel)
        assertFalse(presenter.show(push("2")))
    }

    @Test
    fun `the toast comes once, and only where the user wants it`() {
        presenter.show(push("1"))
        ShadowLooper.idleMainLooper()
        assertEquals(0, ShadowToast.shownToastCount())
        set(Constants.SETTINGS_TOAST_ENABLED, true)
        presenter.show(push("2"))
        presenter.show(push("2").copy(attempt = 2))
        presenter.show(push("2").copy(isUpdate = true))
        ShadowLooper.idleMainLooper()
        assertEquals(1, ShadowToast.shownToastCount())
        assertEquals("Bell", ShadowToast.getTextOfLatestToast())
    }

    @Test
    fun `the icon is the app's, also when its number has changed with a build`() {
        ServiceManager(context).setNotificationIcon(R.drawable.notification)
        val file = context.getSharedPreferences("client_preferences", Context.MODE_PRIVATE)
        file.edit().putInt(Constants.NOTIFICATION_ICON, R.raw.androidpn).commit()
        presenter.show(push("1"))
        assertEquals(R.drawable.notification, shadowOf(shown("1")?.smallIcon).resId)
        file.edit().remove("NOTIFICATION_ICON_NAME").commit()
        presenter.show(push("2"))
        assertNotEquals(R.raw.androidpn, shadowOf(shown("2")?.smallIcon).resId)
    }
}
