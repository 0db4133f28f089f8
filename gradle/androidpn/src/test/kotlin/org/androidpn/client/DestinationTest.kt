package org.androidpn.client

import android.content.Intent
import org.androidpn.demoapp.DemoAppActivity
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import kotlin.test.assertEquals

@RunWith(RobolectricTestRunner::class)
class DestinationTest {
    private val context = RuntimeEnvironment.getApplication()

    @Test
    fun `a page, a number and a place are viewed`() {
        for (uri in listOf("http://a.example/", "https://a.example/", "tel:110", "geo:0,0", "HTTPS://a.example/")) {
            val intent = Destination.of(context, uri)
            assertEquals(Intent.ACTION_VIEW, intent?.action, uri)
            assertEquals(uri.replace("HTTPS", "https"), intent?.dataString)
        }
    }

    @Test
    fun `anything else leads back to the activity that made the service manager`() {
        ServiceManager(Robolectric.buildActivity(DemoAppActivity::class.java).get())
        for (uri in listOf("", "demo:page", "httpsfoo:bar", "file:///etc/hosts", "content://x/y", "intent:#Intent;end", "no uri")) {
            val intent = Destination.of(context, uri)
            assertEquals(DemoAppActivity::class.java.name, intent?.component?.className, uri)
            assertEquals(null, intent?.data, uri)
        }
    }

    @Test
    fun `without a callback activity the launcher's is taken`() {
        ServiceManager(context)
        assertEquals(DemoAppActivity::class.java.name, Destination.of(context, "")?.component?.className)
    }

    @Test
    fun `a service manager of another context does not take the callback activity away`() {
        ServiceManager(Robolectric.buildActivity(DemoAppActivity::class.java).get())
        ServiceManager(context)
        assertEquals(DemoAppActivity::class.java.name, ClientPreferences(context).callback?.second)
    }
}
