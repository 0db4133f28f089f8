package org.longwire.push

import android.app.PendingIntent
import android.content.ComponentName
import android.content.Intent
import android.content.IntentFilter
import org.junit.Test
import org.longwire.push.host.LaunchActivity
import org.longwire.push.process.PushProcess
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** A tap reaches an activity, not a receiver, and goes on from there. */
class OpenActivityTest : PushTest() {
    private val presenter = FakePresenter()
    private val intents = PushIntents(app)
    private val push = PushNotification("n-1", title = "Door", data = mapOf("k" to "v"))

    private fun tap(intent: PendingIntent): Intent? {
        PushProcess.components = PushComponents(presenter = { presenter })
        running()
        shadowOf(app).checkActivities(true)
        assertTrue(shadowOf(intent).isActivityIntent)
        val activity = Robolectric.buildActivity(OpenActivity::class.java, shadowOf(intent).savedIntent).create().get()
        assertTrue(activity.isFinishing, "it is gone at once")
        return shadowOf(app).nextStartedActivity
    }

    private fun install(
        name: String,
        filter: IntentFilter,
    ) {
        val component = ComponentName(app, name)
        shadowOf(app.packageManager).addActivityIfNotPresent(component)
        shadowOf(app.packageManager).addIntentFilterForActivity(component, filter.apply { addCategory(Intent.CATEGORY_DEFAULT) })
    }

    @Test
    fun `a tap opens the app with the notification, and is reported`() {
        val opened = assertNotNull(tap(intents.open(push)))
        assertEquals(LaunchActivity::class.java.name, opened.component?.className)
        assertEquals("v", Broadcast.notification(opened)?.data?.get("k"))
        await { "opened n-1" in core.calls && "remove n-1" in presenter.calls }
    }

    @Test
    fun `what was tapped is not shown again when the core hands it again`() {
        assertNotNull(tap(intents.open(push)))
        core.platform.handOver(push.copy(attempt = 2))
        await { "handed n-1 false" in core.calls }
        assertTrue("show n-1" !in presenter.calls)
    }

    @Test
    fun `an app may name an activity for it`() {
        install("org.example.Detail", IntentFilter(Broadcast.ACTION_OPEN))
        val opened = assertNotNull(tap(intents.open(push)))
        assertEquals(Broadcast.ACTION_OPEN, opened.action)
        assertEquals(app.packageName, opened.`package`)
    }

    @Test
    fun `a url opens where it belongs`() {
        install("org.example.Links", IntentFilter(Intent.ACTION_VIEW).apply { addDataScheme("app") })
        val own = assertNotNull(tap(intents.open(push.copy(url = "app:door/7"))))
        assertEquals(listOf("app:door/7", app.packageName), listOf(own.dataString, own.`package`))
    }

    @Test
    fun `a url that no activity of the app knows goes to the browser`() {
        val filter = IntentFilter(Intent.ACTION_VIEW).apply { addDataScheme("https") }
        filter.addCategory(Intent.CATEGORY_BROWSABLE)
        val browser = ComponentName("org.example.browser", "org.example.browser.Main")
        shadowOf(app.packageManager).addActivityIfNotPresent(browser)
        shadowOf(app.packageManager).addIntentFilterForActivity(browser, filter.apply { addCategory(Intent.CATEGORY_DEFAULT) })
        val opened = assertNotNull(tap(intents.open(push.copy(url = "https://example.com/x"))))
        assertNull(opened.`package`)
        assertTrue(Intent.CATEGORY_BROWSABLE in opened.categories)
        assertNull(opened.extras, "another app is told nothing of the notification")
    }

    @Test
    fun `a url that nobody knows, or that no sender may open, opens the app`() {
        for (url in listOf("nobody:x", "file:///data/x", "content://x", "javascript:alert(1)", "intent:#Intent;end", "no-scheme")) {
            val opened = assertNotNull(tap(intents.open(push.copy(url = url))), url)
            assertEquals(LaunchActivity::class.java.name, opened.component?.className, url)
        }
    }

    @Test
    fun `a button with a url opens that, and is reported as the button`() {
        install("org.example.Links", IntentFilter(Intent.ACTION_VIEW).apply { addDataScheme("app") })
        val action = PushAction("yes", "Yes", "app:yes")
        val opened = tap(intents.act(push.copy(url = "app:no", actions = listOf(action)), action))
        assertEquals("app:yes", opened?.dataString)
        await { "acted n-1 yes null" in core.calls }
        assertTrue("opened n-1" !in core.calls, "the core says that itself")
    }
}
