package org.longwire.e2e

import android.app.job.JobParameters
import android.app.job.JobScheduler
import android.content.Intent
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.host.HostReceiver
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.awaitThat
import org.longwire.push.BootReceiver
import org.longwire.push.PackageReplacedReceiver
import org.longwire.push.Push
import org.longwire.push.PushState
import org.longwire.push.WatchdogJob
import org.robolectric.Robolectric
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadow.api.Shadow
import kotlin.test.assertEquals
import kotlin.test.assertNull

/** What ends and begins a process that nobody opened the app for. What came meanwhile comes then, to the same device. */
@RunWith(RobolectricTestRunner::class)
class LifecycleTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone

    @Test
    fun `after a boot the phone receives again`() =
        resumes {
            phone.tell(BootReceiver::class.java, Intent.ACTION_BOOT_COMPLETED)
            phone.runService()
        }

    @Test
    fun `after an update of the app the phone receives again`() =
        resumes {
            phone.tell(PackageReplacedReceiver::class.java, Intent.ACTION_MY_PACKAGE_REPLACED)
            phone.runService()
        }

    @Test
    fun `a service that the system killed and starts again receives again`() = resumes { phone.startService(null) }

    @Test
    fun `where the system ends the service with the task, the watchdog brings it back`() {
        val jobs = phone.app.getSystemService(JobScheduler::class.java)!!
        resumes(before = phone::removeTask) {
            val job = jobs.allPendingJobs.first { !it.isPeriodic }
            assertEquals(WatchdogJob::class.java.name, job.service.className)
            Robolectric.buildService(WatchdogJob::class.java).create().get().onStartJob(Shadow.newInstanceOf(JobParameters::class.java))
            phone.runService()
        }
    }

    @Test
    fun `a phone that was stopped stays so after a boot`() {
        phone.online()
        Push.stop()
        phone.awaitState("rest") { it as? PushState.Idle }
        phone.killProcess()
        phone.tell(BootReceiver::class.java, Intent.ACTION_BOOT_COMPLETED)
        assertNull(shadowOf(phone.app).nextStartedService)
    }

    @Test
    fun `a notification that is opened or dismissed with no process is told when there is one`() {
        val device = phone.online().device
        val ids = listOf("One", "Two").associateWith { stage.api.send("all", "title" to it) }
        val (one, two) = ids.keys.map(phone::awaitShown)
        ids.values.forEach { stage.api.awaitDelivery(it, device, "displayed") }
        phone.killProcess()
        stage.road.block()

        phone.tap(one)
        phone.swipe(two)
        awaitThat("word on the disk") { ids.values.all { id -> phone.calling { Push.inboxItem(id)!! }.state == "closed" } }
        phone.killProcess()
        stage.road.unblock()
        phone.startService(null)
        stage.api.awaitDelivery(ids.getValue("One"), device, "opened")
        stage.api.awaitDelivery(ids.getValue("Two"), device, "dismissed")
        assertEquals(2, HostReceiver.received.size)
    }

    private fun resumes(
        before: () -> Unit = {},
        begin: () -> Unit,
    ) {
        val device = phone.online().device
        before()
        phone.killProcess()
        val id = stage.api.send("device:$device", "title" to "Meanwhile")
        begin()
        assertEquals(device, phone.awaitOnline().device)
        phone.awaitPush(id)
        phone.awaitShown("Meanwhile")
    }
}
