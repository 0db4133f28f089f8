package org.longwire.push

import android.content.ComponentName
import android.content.Intent
import android.content.pm.ActivityInfo
import android.content.pm.PackageManager
import android.content.pm.PermissionInfo
import android.content.pm.ServiceInfo
import android.os.Build
import org.junit.Test
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertTrue

/** What the library's manifest brings into an app. */
class ManifestTest : PushTest() {
    private val all =
        PackageManager.GET_ACTIVITIES or PackageManager.GET_RECEIVERS or PackageManager.GET_SERVICES or
            PackageManager.GET_PERMISSIONS or PackageManager.GET_PROVIDERS
    private val info = app.packageManager.getPackageInfo(app.packageName, all)

    @Test
    fun `nothing of the library can be reached by other apps`() {
        val components = info.activities.orEmpty().toList() + info.receivers.orEmpty() + info.services.orEmpty() + info.providers.orEmpty()
        val own = components.filter { it.name.startsWith("org.longwire.push.") && ".host." !in it.name }
        assertEquals(7, own.size, own.joinToString { it.name })
        assertEquals(emptyList(), own.filter { it.exported }.map { it.name })
    }

    @Test
    fun `the permission bears the app's id and is for its own signature`() {
        val own = info.permissions.orEmpty().single()
        assertEquals("${app.packageName}.permission.LONGWIRE_RECEIVE", own.name)
        assertEquals(Broadcast.permission(app), own.name)
        @Suppress("DEPRECATION")
        assertEquals(PermissionInfo.PROTECTION_SIGNATURE, own.protectionLevel and PermissionInfo.PROTECTION_MASK_BASE)
        assertContains(info.requestedPermissions!!.toList(), own.name)
    }

    @Test
    fun `the permissions are these and no others`() {
        val android =
            listOf(
                "ACCESS_NETWORK_STATE",
                "FOREGROUND_SERVICE",
                "FOREGROUND_SERVICE_REMOTE_MESSAGING",
                "FOREGROUND_SERVICE_SPECIAL_USE",
                "INTERNET",
                "POST_NOTIFICATIONS",
                "RECEIVE_BOOT_COMPLETED",
                "WAKE_LOCK",
            ).map { "android.permission.$it" }
        // Above all no exact alarms, no locations, no battery exemption.
        assertEquals(android, info.requestedPermissions!!.filter { it.startsWith("android.") }.sorted())
    }

    @Test
    fun `the service's type is the app's choice, and never dataSync`() {
        val service = app.packageManager.getServiceInfo(ComponentName(app, NotificationService::class.java), 0)
        assertEquals(0, service.flags and ServiceInfo.FLAG_STOP_WITH_TASK)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.UPSIDE_DOWN_CAKE) {
            assertEquals(ServiceInfo.FOREGROUND_SERVICE_TYPE_REMOTE_MESSAGING, service.foregroundServiceType)
        }
    }

    @Test
    fun `the system alone may bind the job`() {
        val job = info.services.orEmpty().single { it.name == WatchdogJob::class.java.name }
        assertEquals("android.permission.BIND_JOB_SERVICE", job.permission)
    }

    @Test
    fun `boot and replacement reach their receivers`() {
        for ((action, receiver) in mapOf(
            Intent.ACTION_BOOT_COMPLETED to BootReceiver::class,
            Intent.ACTION_MY_PACKAGE_REPLACED to PackageReplacedReceiver::class,
        )) {
            val found = app.packageManager.queryBroadcastReceivers(Intent(action), 0).map { it.activityInfo.name }
            assertEquals(listOf(receiver.java.name), found)
        }
    }

    @Test
    fun `the activity that a tap reaches is not seen`() {
        val activity = assertNotNull(info.activities.orEmpty().firstOrNull { it.name == OpenActivity::class.java.name })
        assertEquals(android.R.style.Theme_NoDisplay, activity.theme)
        assertTrue(activity.flags and ActivityInfo.FLAG_EXCLUDE_FROM_RECENTS != 0)
        assertTrue(activity.flags and ActivityInfo.FLAG_NO_HISTORY != 0)
        assertFalse(activity.exported)
    }
}
