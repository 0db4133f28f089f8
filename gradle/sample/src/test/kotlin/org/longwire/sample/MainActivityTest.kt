package org.longwire.sample

import android.Manifest
import android.content.ComponentName
import android.content.Intent
import android.content.pm.PackageManager
import android.os.Build
import android.view.View
import android.view.ViewGroup
import android.widget.Button
import android.widget.EditText
import android.widget.TextView
import org.junit.After
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.HealthCheck
import org.longwire.push.HealthItem
import org.longwire.push.HealthReport
import org.longwire.push.HealthState
import org.longwire.push.InboxItem
import org.longwire.push.Push
import org.longwire.push.PushNotification
import org.longwire.push.Trust
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.android.controller.ActivityController
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLooper
import org.robolectric.shadows.ShadowToast
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertIs
import kotlin.test.assertNotEquals

@RunWith(RobolectricTestRunner::class)
class MainActivityTest {
    @get:Rule
    val process = OneProcess()
    private val app = RuntimeEnvironment.getApplication()

    private val screens = mutableListOf<ActivityController<MainActivity>>()

    private fun screen(): MainActivity =
        Robolectric
            .buildActivity(MainActivity::class.java)
            .also { screens += it }
            .setup()
            .get()

    @After
    fun close() = screens.forEach { it.close() }

    private fun texts(view: View): List<String> =
        when (view) {
            is ViewGroup -> (0 until view.childCount).flatMap { texts(view.getChildAt(it)) }
            is TextView -> if (view.visibility == View.VISIBLE) listOf(view.text.toString()) else emptyList()
            else -> emptyList()
        }

    @Test
    fun `the screen begins with what the resources say`() {
        val screen = screen()
        assertEquals("10.0.2.2:5223", screen.view<EditText>(R.id.server).text.toString())
        assertEquals("localhost", screen.view<EditText>(R.id.domain).text.toString())
    }

    @Test
    fun `the screen says where the connection stands, also when that changes`() {
        val headline = screen().view<TextView>(R.id.state)
        val until = System.nanoTime() + WAIT_NS
        while (headline.text.toString() != StateText.of(Push.state.value).headline && System.nanoTime() < until) {
            ShadowLooper.idleMainLooper()
        }
        assertEquals(StateText.of(Push.state.value).headline, headline.text.toString())
    }

    @Test
    fun `a server that is none is told, and what was typed stays`() {
        val screen = screen()
        screen.view<EditText>(R.id.server).setText("https://push.example.com/")
        screen.view<Button>(R.id.start).performClick()
        assertContains(ShadowToast.getTextOfLatestToast(), "not a server")
        assertEquals("https://push.example.com/", ServerSettings(app).server)
        app.onCreate() // a later process begins with what was typed, and lives
    }

    @Test
    fun `what is typed is what the library is told`() {
        val settings = ServerSettings(app)
        settings.save(server = " push.example.com ", domain = "", appKey = "key", pin = "ab".repeat(32))
        val config = settings.load()
        assertEquals("push.example.com", config.server)
        assertEquals(null, config.domain)
        assertEquals("key", config.appKey)
        assertIs<Trust.Pin>(config.trust)
        settings.save(server = "push.example.com", domain = "", appKey = "", pin = "")
        assertEquals(Trust.System, settings.load().trust)
        assertEquals(null, settings.load().appKey)
    }

    @Test
    fun `the notification permission is asked for where there is one`() {
        val asked = shadowOf(screen()).lastRequestedPermission?.requestedPermissions?.toList().orEmpty()
        val expected = if (Build.VERSION.SDK_INT >= 33) listOf(Manifest.permission.POST_NOTIFICATIONS) else emptyList()
        assertEquals(expected, asked)
    }

    @Test
    fun `pushes are listed as they come from the inbox`() {
        val list = screen().view<ViewGroup>(R.id.pushes)
        PushList(list).show(emptyList())
        assertEquals(listOf(app.getString(R.string.pushes_none)), texts(list))
        val push = PushNotification(id = "1", title = "Door", receivedAt = 1_700_000_000_000)
        PushList(list).show(listOf(InboxItem(push, "handed")))
        val shown = texts(list)
        assertEquals("Door", shown[0])
        assertContains(shown[1], "handed")
        assertEquals(2, shown.size, "an absent body takes no room")
    }

    @Test
    fun `what is wrong stands on top, with a button that leads to the page`() {
        val screen = screen()
        val list = screen.view<ViewGroup>(R.id.health)
        val fine = HealthItem(HealthCheck.CLOCK, HealthState.OK, "The clock is right.")
        val worst = HealthItem(HealthCheck.NOTIFICATION_PERMISSION, HealthState.PROBLEM, "Nothing appears.", Intent("fix"))
        HealthList(list).show(HealthReport(listOf(fine, worst)))
        assertEquals(listOf("Nothing appears.", app.getString(R.string.fix), "The clock is right."), texts(list))
        list.getChildAt(0).findViewById<Button>(R.id.health_fix)?.performClick()
        assertEquals("fix", shadowOf(screen).nextStartedActivity.action)
    }

    @Test
    fun `its receiver is its own alone`() {
        val name = ComponentName(app, SampleReceiver::class.java)
        assertFalse(app.packageManager.getReceiverInfo(name, PackageManager.GET_META_DATA).exported)
    }

    @Test
    @Config(qualifiers = "night")
    fun `the night has colours of its own`() {
        val night = app.getColor(R.color.page)
        RuntimeEnvironment.setQualifiers("notnight")
        assertNotEquals(night, app.getColor(R.color.page))
    }

    private companion object {
        const val WAIT_NS = 20_000_000_000L
    }
}
