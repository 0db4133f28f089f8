package org.androidpn.client

import android.app.NotificationManager
import android.content.BroadcastReceiver
import android.content.Context
import android.content.ContextWrapper
import android.content.Intent
import android.content.IntentFilter
import android.content.pm.PackageManager
import android.os.Build
import org.junit.After
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.Broadcast
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowLooper
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class BroadcastsTest {
    private val context = RuntimeEnvironment.getApplication()
    private val extras = Extras("id-1", "1234567890", "Door", "Bell", "https://a.example/")

    /** What an app's receiver got under each action. */
    private val received = LinkedBlockingQueue<Intent>()
    private val receiver =
        object : BroadcastReceiver() {
            override fun onReceive(
                context: Context,
                intent: Intent,
            ) {
                received += intent
            }
        }

    @Before
    fun listen() {
        val filter = IntentFilter()
        for (word in listOf("SHOW_NOTIFICATION", "NOTIFICATION_CLICKED", "NOTIFICATION_CLEARED")) {
            filter.addAction("org.androidpn.client.$word")
        }
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.TIRAMISU) {
            context.registerReceiver(receiver, filter, Context.RECEIVER_NOT_EXPORTED)
        } else {
            context.registerReceiver(receiver, filter)
        }
    }

    @After
    fun end() {
        context.unregisterReceiver(receiver)
        Process.end()
    }

    /** The next broadcast; waits for it, since the library's receiver works beside the main thread. */
    private fun next(): Intent {
        val until = System.nanoTime() + WAIT_NS
        while (System.nanoTime() < until) {
            ShadowLooper.idleMainLooper()
            received.poll(1, TimeUnit.MILLISECONDS)?.let { return it }
        }
        throw AssertionError("no broadcast")
    }

    private fun assertOwn(
        action: String,
        intent: Intent = next(),
    ) {
        assertEquals(action, intent.action)
        assertEquals(context.packageName, intent.`package`, "for the app itself alone")
        assertEquals(extras, Extras.of(intent))
        for (key in listOf("ID", "API_KEY", "TITLE", "MESSAGE", "URI")) {
            assertNotNull(intent.getStringExtra("NOTIFICATION_$key"))
        }
    }

    @Test
    fun `a push is told in the original's words`() {
        ClientPreferences(context).copy(ClientProperties("1234567890", "h", 5222, ServerOptions(null, null, null)), context)
        val push = Intent(Broadcast.ACTION_RECEIVE).setPackage(context.packageName)
        push.putExtra("id", "id-1").putExtra("title", "Door").putExtra("body", "Bell").putExtra("url", "https://a.example/")
        context.sendBroadcast(push.putExtra("attempt", 1))
        assertOwn("org.androidpn.client.SHOW_NOTIFICATION")
    }

    @Test
    fun `a push without texts has empty ones`() {
        context.sendBroadcast(
            Intent(Broadcast.ACTION_RECEIVE).setPackage(context.packageName).putExtra("id", "id-2").putExtra("attempt", 1),
        )
        assertEquals(Extras("id-2", "", "", "", ""), Extras.of(next()))
    }

    @Test
    fun `opening the details is told once`() {
        val intent = extras.into(Intent(context, NotificationDetailsActivity::class.java))
        val details = Robolectric.buildActivity(NotificationDetailsActivity::class.java, intent).setup()
        assertOwn("org.androidpn.client.NOTIFICATION_CLICKED")
        details.recreate()
        ShadowLooper.idleMainLooper()
        assertEquals(null, received.poll(), "a rotation is no second click")
    }

    @Test
    fun `a swipe is told to the app and to the library`() {
        DetailsIntents(context).cleared(extras).send()
        assertOwn("org.androidpn.client.NOTIFICATION_CLEARED")
        val dismissed = shadowOf(context).broadcastIntents.single { it.action == "org.longwire.push.action.DISMISSED" }
        assertEquals("id-1", dismissed.getStringExtra("id"))
    }

    @Test
    fun `a receiver has to hold the app's permission`() {
        val spied = PermissionSpy(context)
        Broadcasts.send(spied, Constants.ACTION_SHOW_NOTIFICATION, extras)
        assertEquals("org.androidpn.client.test.permission.LONGWIRE_RECEIVE", spied.permission)
    }

    private class PermissionSpy(
        context: Context,
    ) : ContextWrapper(context) {
        var permission: String? = null

        override fun sendBroadcast(
            intent: Intent,
            receiverPermission: String?,
        ) {
            permission = receiverPermission
        }
    }

    @Test
    fun `a forged broadcast shows nothing`() {
        context.sendBroadcast(extras.into(Intent(Constants.ACTION_SHOW_NOTIFICATION)))
        ShadowLooper.idleMainLooper()
        assertEquals(0, context.getSystemService(NotificationManager::class.java)?.activeNotifications?.size)
    }

    @Test
    fun `nothing of the library can be reached from outside, whatever the old manifest said`() {
        val flags =
            PackageManager.GET_ACTIVITIES or PackageManager.GET_SERVICES or PackageManager.GET_RECEIVERS or PackageManager.GET_PROVIDERS
        val info = context.packageManager.getPackageInfo(context.packageName, flags)
        val components = listOf(info.activities, info.services, info.receivers, info.providers).flatMap { it.orEmpty().toList() }
        val own = components.filter { it.name.startsWith("org.androidpn.client.") }
        assertTrue(own.size >= 6, "the manifest was not read: $own")
        for (component in own) assertFalse(component.exported, component.name)
    }

    @Test
    fun `the phone's identity is nobody's business`() {
        val info = context.packageManager.getPackageInfo(context.packageName, PackageManager.GET_PERMISSIONS)
        val permissions = info.requestedPermissions.orEmpty().toList()
        assertTrue("android.permission.VIBRATE" in permissions)
        for (name in listOf("READ_PHONE_STATE", "ACCESS_WIFI_STATE", "CHANGE_WIFI_STATE")) {
            assertFalse("android.permission.$name" in permissions, name)
        }
    }

    private companion object {
        const val WAIT_NS = 20_000_000_000L
    }
}
