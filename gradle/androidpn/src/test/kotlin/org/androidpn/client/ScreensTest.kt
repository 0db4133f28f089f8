package org.androidpn.client

import android.content.Context
import android.content.Intent
import android.widget.Button
import android.widget.CheckBox
import android.widget.TextView
import org.androidpn.demoapp.DemoAppActivity
import org.junit.After
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowToast
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class ScreensTest {
    private val context = RuntimeEnvironment.getApplication()
    private val preferences = context.getSharedPreferences("client_preferences", Context.MODE_PRIVATE)

    @After
    fun end() = Process.end()

    private fun details(uri: String): NotificationDetailsActivity {
        val intent = Extras("1", "", "Door", "Bell", uri).into(Intent(context, NotificationDetailsActivity::class.java))
        return Robolectric.buildActivity(NotificationDetailsActivity::class.java, intent).setup().get()
    }

    @Test
    fun `the details say what was sent`() {
        val activity = details("")
        assertEquals("Door", activity.view<TextView>(R.id.androidpn_title).text.toString())
        assertEquals("Bell", activity.view<TextView>(R.id.androidpn_message).text.toString())
        assertEquals("Door", activity.title)
    }

    @Test
    fun `Ok views a page and ends`() {
        val activity = details("https://a.example/")
        activity.view<Button>(R.id.androidpn_ok).performClick()
        val next = shadowOf(activity).nextStartedActivity
        assertEquals(Intent.ACTION_VIEW to "https://a.example/", next.action to next.dataString)
        assertTrue(activity.isFinishing)
    }

    @Test
    fun `Ok without a page leads back to the callback activity`() {
        ServiceManager(Robolectric.buildActivity(DemoAppActivity::class.java).get())
        val activity = details("")
        activity.view<Button>(R.id.androidpn_ok).performClick()
        assertEquals(DemoAppActivity::class.java.name, shadowOf(activity).nextStartedActivity.component?.className)
        assertTrue(activity.isFinishing)
    }

    @Test
    fun `Ok says so where nobody can view it`() {
        shadowOf(context).checkActivities(true)
        val activity = details("geo:0,0")
        activity.view<Button>(R.id.androidpn_ok).performClick()
        assertEquals(context.getString(R.string.androidpn_no_app), ShadowToast.getTextOfLatestToast())
        assertTrue(activity.isFinishing)
    }

    @Test
    fun `another notification takes the place of the one that is shown`() {
        val intent = Extras("1", "", "Door", "Bell", "").into(Intent(context, NotificationDetailsActivity::class.java))
        val controller = Robolectric.buildActivity(NotificationDetailsActivity::class.java, intent).setup()
        controller.newIntent(Extras("2", "", "Window", "Glass", "tel:2").into(Intent()))
        val activity = controller.get()
        assertEquals("Glass", activity.view<TextView>(R.id.androidpn_message).text.toString())
        activity.view<Button>(R.id.androidpn_ok).performClick()
        assertEquals("tel:2", shadowOf(activity).nextStartedActivity.dataString)
    }

    @Test
    fun `each setting is written under its key at once`() {
        val activity = Robolectric.buildActivity(NotificationSettingsActivity::class.java).setup().get()
        val boxes =
            mapOf(
                "SETTINGS_NOTIFICATION_ENABLED" to R.id.androidpn_enabled,
                "SETTINGS_SOUND_ENABLED" to R.id.androidpn_sound,
                "SETTINGS_VIBRATE_ENABLED" to R.id.androidpn_vibrate,
                "SETTINGS_TOAST_ENABLED" to R.id.androidpn_toast,
            )
        for ((key, id) in boxes) {
            val isOnBefore = key != "SETTINGS_TOAST_ENABLED"
            val box = activity.view<CheckBox>(id)
            assertEquals(isOnBefore, box.isChecked, key)
            box.performClick()
            assertEquals(!isOnBefore, preferences.getBoolean(key, isOnBefore), key)
        }
    }

    @Test
    fun `what the user chose before is shown, and what has no effect is grey`() {
        preferences
            .edit()
            .putBoolean(
                Constants.SETTINGS_NOTIFICATION_ENABLED,
                false,
            ).putBoolean(Constants.SETTINGS_SOUND_ENABLED, false)
            .commit()
        val activity = Robolectric.buildActivity(NotificationSettingsActivity::class.java).setup().get()
        val sound = activity.view<CheckBox>(R.id.androidpn_sound)
        assertFalse(sound.isChecked)
        assertFalse(sound.isEnabled)
        activity.view<CheckBox>(R.id.androidpn_enabled).performClick()
        assertTrue(sound.isEnabled)
        assertEquals(
            context.getString(R.string.androidpn_enabled_on),
            activity.view<TextView>(R.id.androidpn_enabled_summary).text.toString(),
        )
    }

    @Test
    fun `the system's own settings are one tap away`() {
        val activity = Robolectric.buildActivity(NotificationSettingsActivity::class.java).setup().get()
        activity.view<Button>(R.id.androidpn_system).performClick()
        assertEquals("android.settings.APP_NOTIFICATION_SETTINGS", shadowOf(activity).nextStartedActivity.action)
    }
}
