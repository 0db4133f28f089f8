package org.longwire.push.platform

import kotlinx.coroutines.runBlocking
import org.junit.Test
import org.longwire.push.NotificationService
import org.longwire.push.Push
import org.longwire.push.PushException
import org.longwire.push.PushTest
import org.robolectric.Shadows.shadowOf
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowApplication
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue

class ProcessPlaceTest : PushTest() {
    @Test
    fun `the process of the service is the library's`() {
        assertFalse(ProcessPlace(app).isForeign)
        ProcessPlace(app).check()
    }

    @Test
    @Config(minSdk = 28)
    fun `another process of the app asks for the service, and leaves the core alone`() {
        ShadowApplication.setProcessName("${app.packageName}:web")
        try {
            Push.configure(app, config)
            Push.start()
            assertEquals(NotificationService::class.java.name, shadowOf(app).nextStartedService?.component?.className)
            runBlocking {
                host.run()
                assertFailsWith<PushException> { host.alarmFired() }
                for (call in listOf<suspend () -> Unit>({ Push.inbox() }, { Push.login("token") }, { Push.opened("n-1") })) {
                    val error = assertFailsWith<PushException> { call() }
                    assertTrue(error.isConfig && ":web" in error.message.orEmpty(), error.message)
                }
            }
            assertFailsWith<PushException> { Push.stop() }
            assertTrue(host.settings.values.isWanted)
            assertTrue(cores.all.isEmpty())
            assertNull(Push.device)
        } finally {
            ShadowApplication.setProcessName(app.packageName)
        }
    }
}
