package org.androidpn.client

import android.app.Activity
import android.content.ComponentName
import android.content.Context
import android.content.Intent
import android.content.pm.PackageManager
import android.content.pm.ServiceInfo.FOREGROUND_SERVICE_TYPE_REMOTE_MESSAGING
import org.androidpn.client.test.R
import org.androidpn.demoapp.DemoAppActivity
import org.junit.After
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.BootReceiver
import org.longwire.push.NotificationService
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** The demo app of the original, with its manifest, its properties and its calls, and only the dependency changed. */
@RunWith(RobolectricTestRunner::class)
class DemoAppTest {
    private val context = RuntimeEnvironment.getApplication()
    private val preferences = context.getSharedPreferences("client_preferences", Context.MODE_PRIVATE)

    @After
    fun end() = Process.end()

    private fun start(): Activity = Robolectric.buildActivity(DemoAppActivity::class.java).setup().get()

    @Test
    fun `its calls start the connection`() {
        start()
        assertEquals(NotificationService::class.java.name, shadowOf(context).nextStartedService.component?.className)
    }

    @Test
    @Config(minSdk = 29)
    fun `the service has its type without a word in the app's build`() {
        val service = ComponentName(context, NotificationService::class.java)
        val type = context.packageManager.getServiceInfo(service, PackageManager.GET_META_DATA).foregroundServiceType
        assertEquals(FOREGROUND_SERVICE_TYPE_REMOTE_MESSAGING, type)
    }

    @Test
    fun `its properties are in the preferences, under the original's keys`() {
        val activity = start()
        assertEquals("1234567890", preferences.getString("API_KEY", null))
        assertEquals("192.168.0.5", preferences.getString("XMPP_HOST", null))
        assertEquals(5222, preferences.getInt("XMPP_PORT", 0))
        assertEquals("0.1.0", preferences.getString("VERSION", null))
        assertEquals(activity.packageName, preferences.getString("CALLBACK_ACTIVITY_PACKAGE_NAME", null))
        assertEquals(DemoAppActivity::class.java.name, preferences.getString("CALLBACK_ACTIVITY_CLASS_NAME", null))
        assertEquals(R.drawable.notification, preferences.getInt("NOTIFICATION_ICON", 0))
    }

    @Test
    fun `what the original had stored stays as it is`() {
        preferences
            .edit()
            .putString("XMPP_USERNAME", "2c027d44cf234d1080e9c9353220f757")
            .putString("XMPP_PASSWORD", "01c561e11d374a1591a97ba532dabde7")
            .putString("DEVICE_ID", "0000")
            .putBoolean("SETTINGS_SOUND_ENABLED", false)
            .commit()
        start()
        assertEquals("2c027d44cf234d1080e9c9353220f757", preferences.getString(Constants.XMPP_USERNAME, null))
        assertEquals("01c561e11d374a1591a97ba532dabde7", preferences.getString(Constants.XMPP_PASSWORD, null))
        assertEquals("0000", preferences.getString(Constants.DEVICE_ID, null))
        assertFalse(preferences.getBoolean(Constants.SETTINGS_SOUND_ENABLED, true))
    }

    @Test
    fun `its settings button opens the settings`() {
        val activity = start()
        ServiceManager.viewNotificationSettings(activity)
        assertEquals(NotificationSettingsActivity::class.java.name, shadowOf(activity).nextStartedActivity.component?.className)
        ServiceManager.viewNotificationSettings(context)
        val intent = shadowOf(context).nextStartedActivity
        assertTrue(intent.flags and Intent.FLAG_ACTIVITY_NEW_TASK != 0, "a context that is no activity needs a task")
    }

    @Test
    fun `a call of the original's service by its name starts the connection too`() {
        Robolectric.buildService(org.androidpn.client.NotificationService::class.java).create().startCommand(0, 1)
        assertEquals(NotificationService::class.java.name, shadowOf(context).nextStartedService.component?.className)
    }

    @Test
    fun `stop works in a process that did not start it`() {
        start()
        Process.end()
        shadowOf(context).clearStartedServices()
        ServiceManager(context).stopService()
        BootReceiver().onReceive(context, Intent(Intent.ACTION_BOOT_COMPLETED))
        assertNull(shadowOf(context).nextStartedService)
    }

    @Test
    fun `the tag of the log fits into what Android 7 takes`() {
        assertEquals("Androidpn_DemoApp", LogUtil.makeLogTag(DemoAppActivity::class.java).take(17))
        assertEquals(23, LogUtil.makeLogTag(NotificationSettingsActivity::class.java).length)
    }
}
