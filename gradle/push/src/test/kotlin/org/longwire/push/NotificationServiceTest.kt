package org.longwire.push

import android.app.Notification
import android.app.NotificationManager
import android.app.job.JobScheduler
import android.content.Intent
import android.os.Build
import org.junit.Test
import org.longwire.push.platform.service
import org.longwire.push.process.PushProcess
import org.longwire.push.process.Watchdog
import org.longwire.push.screen.Channels
import org.longwire.push.screen.ServiceNotification
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Start, stop, and everything that brings the library back. */
class NotificationServiceTest : PushTest() {
    private val jobs = app.service<JobScheduler>()

    private fun startedService(): Intent? = shadowOf(app).nextStartedService

    private fun service() = Robolectric.buildService(NotificationService::class.java, NotificationService.intent(app)).create()

    @Test
    fun `start brings the service to the foreground, and the core to life`() {
        Push.configure(app, config.copy(serviceTitle = "Home", serviceText = "Listening"))
        Push.start()
        assertEquals(NotificationService::class.java.name, startedService()?.component?.className)
        val service = service().startCommand(0, 1)
        val shadow = shadowOf(service.get())
        assertEquals(ServiceNotification.ID, shadow.lastForegroundNotificationId)
        val shown = shadow.lastForegroundNotification
        assertEquals("Home", shown.extras.getString(Notification.EXTRA_TITLE))
        assertEquals("Listening", shown.extras.getString(Notification.EXTRA_TEXT))
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) {
            assertEquals(Channels.SERVICE, shown.channelId)
            assertEquals(NotificationManager.IMPORTANCE_LOW, notifications.getNotificationChannel(Channels.SERVICE).importance)
        }
        await { cores.all.any { it.isStarted } }
        assertEquals(listOf("network", "start"), core.calls.take(2), "the network is known before the first attempt")
        assertEquals(PushState.Connecting, Push.state.value)
        assertEquals("push.example.com", core.config.domain)
    }

    @Test
    fun `the service is one that the system starts again`() {
        Push.configure(app, config)
        Push.start()
        val service = service().get()
        assertEquals(android.app.Service.START_STICKY, service.onStartCommand(null, 0, 1))
        await { cores.all.singleOrNull()?.isStarted == true }
        service.onStartCommand(null, 0, 2)
        await { Push.state.value == PushState.Connecting }
        assertEquals(1, core.calls.count { it == "start" }, "once, however often the system calls")
    }

    @Test
    fun `a service that nobody wants any more ends itself`() {
        Push.configure(app, config)
        val service = service().get()
        assertEquals(android.app.Service.START_NOT_STICKY, service.onStartCommand(null, 0, 1))
        assertTrue(shadowOf(service).isStoppedBySelf)
        assertTrue(cores.all.isEmpty())
    }

    @Test
    fun `a process that was killed comes back with what was configured before`() {
        running()
        kill()
        service().startCommand(0, 1)
        await { cores.all.size == 2 && core.isStarted }
        assertEquals("key-1", core.config.appKey)
    }

    @Test
    fun `a boot and a new version of the app bring it back`() {
        val receivers =
            mapOf(Intent.ACTION_BOOT_COMPLETED to BootReceiver(), Intent.ACTION_MY_PACKAGE_REPLACED to PackageReplacedReceiver())
        for ((action, receiver) in receivers) {
            running()
            kill()
            shadowOf(app).clearStartedServices()
            receiver.onReceive(app, Intent("another"))
            assertNull(startedService(), "only for its own action")
            receiver.onReceive(app, Intent(action))
            assertEquals(NotificationService::class.java.name, startedService()?.component?.className, action)
        }
    }

    @Test
    fun `what was stopped, or never started, stays so over boots`() {
        BootReceiver().onReceive(app, Intent(Intent.ACTION_BOOT_COMPLETED))
        assertNull(startedService())
        val core = running()
        Push.stop()
        await { "stop" in core.calls && jobs.allPendingJobs.isEmpty() }
        await { Push.state.value == PushState.Idle }
        kill()
        shadowOf(app).clearStartedServices()
        BootReceiver().onReceive(app, Intent(Intent.ACTION_BOOT_COMPLETED))
        assertNull(startedService())
        assertTrue(jobs.allPendingJobs.isEmpty())
    }

    @Test
    fun `a job looks after it, also after reboots`() {
        running()
        val job = jobs.allPendingJobs.single { it.id == Watchdog.PERIODIC }
        assertTrue(job.isPeriodic && job.isPersisted)
        assertEquals(Watchdog.PERIOD_MS, job.intervalMillis)
        kill()
        shadowOf(app).clearStartedServices()
        val watchdog = Robolectric.buildService(WatchdogJob::class.java).create().get()
        assertFalse(watchdog.onStartJob(anyParameters()))
        assertEquals(NotificationService::class.java.name, startedService()?.component?.className)
    }

    @Test
    fun `a service that is up is not started once more`() {
        running()
        val service = service().startCommand(0, 1)
        shadowOf(app).clearStartedServices()
        host.resume()
        assertNull(startedService(), "from the background the system might refuse it, for nothing")
        service.destroy()
        host.resume()
        assertNotNull(startedService())
    }

    @Test
    fun `a removed task and an ended service are looked after soon`() {
        running()
        val service = service().startCommand(0, 1)
        service.get().onTaskRemoved(Intent())
        val soon = assertNotNull(jobs.allPendingJobs.firstOrNull { it.id == Watchdog.SOON })
        assertTrue(soon.minLatencyMillis <= 10_000 && soon.maxExecutionDelayMillis <= 60_000)
        jobs.cancel(Watchdog.SOON)
        service.destroy()
        assertNotNull(jobs.allPendingJobs.firstOrNull { it.id == Watchdog.SOON })
    }

    @Test
    fun `a refused foreground start is survived, and said`() {
        Push.configure(app, config)
        host.settings.change { it.copy(isWanted = true) }
        assertFalse(host.service.attempt { throw IllegalStateException("startForegroundService() not allowed") })
        val item = Push.health()[HealthCheck.FOREGROUND_SERVICE]
        assertEquals(HealthState.PROBLEM, item.state)
        assertTrue("not allowed" in item.sentence && item.fix != null, item.sentence)
        assertTrue(host.service.attempt { })
        assertEquals(HealthState.OK, Push.health()[HealthCheck.FOREGROUND_SERVICE].state)
    }

    @Test
    fun `without the service the core runs as long as the process does`() {
        val context = RefusingContext(app)
        val host =
            org.longwire.push.process
                .PushHost(context, PushComponents(), cores, PushProcess.states)
        host.settings.change { it.copy(config = config) }
        host.start()
        await { cores.all.singleOrNull()?.isStarted == true }
        assertNotNull(host.service.refusal)
        host.abandon()
    }

    @Test
    fun `nothing works before anything was configured`() {
        assertTrue(assertFailsWith<PushException> { Push.start() }.isConfig)
        Push.attach(app)
        assertTrue(assertFailsWith<PushException> { Push.start() }.isConfig)
    }

    @Test
    fun `another server takes the place of a running one, another key does not`() {
        val first = running()
        Push.configure(app, config.copy(appKey = "key-2"))
        await { "key key-2" in first.calls }
        assertEquals(1, cores.all.size)
        Push.configure(app, config.copy(server = "other.example.com"))
        await { cores.all.size == 2 && core.isStarted }
        assertTrue(first.calls.containsAll(listOf("stop", "close")))
        assertEquals("other.example.com", core.config.domain)
    }

    @Test
    fun `a store that cannot be opened is said by the state`() {
        cores.failure = PushException(PushException.Kind.STORAGE, "disk full")
        Push.configure(app, config)
        Push.start()
        host.runSoon()
        await { (Push.state.value as? PushState.Waiting)?.reason == "storage" }
        cores.failure = null
        host.runSoon()
        await { cores.all.singleOrNull()?.isStarted == true }
    }

    @Test
    fun `a fault of the library at its opening is not called one of the storage`() {
        cores.failure = PushException(PushException.Kind.INTERNAL, "a panic")
        Push.configure(app, config)
        Push.start()
        host.runSoon()
        await { Push.state.value == PushState.Waiting(null, "internal", "a panic") }
    }
}
