package org.longwire.push

import android.Manifest
import android.os.Build
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import kotlin.test.assertContains
import kotlin.test.assertEquals

/** What an app gets by embedding the library: merged manifest, merged resources. */
@RunWith(RobolectricTestRunner::class)
class HostAppTest {
    private val context = RuntimeEnvironment.getApplication()

    @Test
    fun `the manifest of the library is part of the host's`() {
        val info = context.packageManager.getPackageInfo(context.packageName, android.content.pm.PackageManager.GET_PERMISSIONS)
        assertEquals("org.longwire.push.test", context.packageName)
        assertContains(info.requestedPermissions!!.asList(), Manifest.permission.INTERNET)
        assertContains(info.requestedPermissions!!.asList(), "org.longwire.push.test.permission.LONGWIRE_RECEIVE")
    }

    @Test
    fun `the resources of the library are found by its R`() {
        assertEquals("Connection", context.getString(R.string.longwire_channel_service))
        assertContains(listOf(24, 26, 30, 34, 35, 36), Build.VERSION.SDK_INT)
    }
}
