package org.longwire.push

import android.app.job.JobScheduler
import android.content.Intent
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.runBlocking
import org.junit.Test
import org.longwire.push.host.LaunchActivity
import org.longwire.push.platform.service
import org.longwire.push.process.PushHost
import org.longwire.push.process.PushProcess
import org.longwire.push.process.Watchdog
import org.robolectric.Robolectric
import org.robolectric.Shadows.shadowOf
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** Start and stop in quick succession, a service that the system does not let start, and configurations that change. */
class StartStopTest : PushTest() {
    private val jobs = app.service<JobScheduler>()

    private fun service() = Robolectric.buildService(NotificationService::class.java, NotificationService.intent(app)).create()

    /** A running core whose polite end lasts until the answer is completed, and has begun. */
    private fun stopping(core: FakeCore): CompletableDeferred<Unit> {
        val end = CompletableDeferred<Unit>()
        core.onStop = end::await
        Push.stop()
        await { "stop" in core.calls }
        return end
    }

    @Test
    fun `a start that follows a stop is not overtaken by it`() {
        val core = running()
        service().startCommand(0, 1)
        val end = stopping(core)
        Push.stop()
        Push.start()
        end.complete(Unit)
        await { core.calls.count { it == "start" } == 2 }
        assertNull(shadowOf(app).nextStoppedService)
        assertNotNull(jobs.allPendingJobs.firstOrNull { it.id == Watchdog.PERIODIC })
        assertEquals(1, core.calls.count { it == "stop" }, "the second stop was taken back before it began")
        kill()
        assertTrue(host.settings.values.isWanted, "also over boots")
    }

    @Test
    fun `a stop is remembered when the call returns`() {
        running()
        Push.stop()
        assertFalse(host.settings.values.isWanted)
    }

    @Test
    fun `a service that has not come to the foreground yet is not stopped from outside`() {
        Push.configure(app, config)
        Push.start()
        Push.stop()
        await { jobs.allPendingJobs.isEmpty() && Push.state.value == PushState.Idle }
        assertNull(shadowOf(app).nextStoppedService, "the system would take the app down for it")
        val service = service().startCommand(0, 1).get()
        assertNotNull(shadowOf(service).lastForegroundNotification)
        assertTrue(shadowOf(service).isStoppedBySelf)
    }

    @Test
    fun `a service that is up is stopped`() {
        Push.configure(app, config)
        Push.start()
        service().startCommand(0, 1)
        await { cores.all.singleOrNull()?.isStarted == true }
        Push.stop()
        var stopped: String? = null
        await { shadowOf(app).nextStoppedService?.let { stopped = it.component?.className } != null }
        assertEquals(NotificationService::class.java.name, stopped)
        shadowOf(app).clearStartedServices()
        Push.start()
        assertNotNull(shadowOf(app).nextStartedService, "the next start needs a new one")
    }

    @Test
    fun `the alarm asks again for a service that was refused`() {
        val context = RefusingContext(app)
        val host = PushHost(context, PushComponents(), cores, PushProcess.states)
        host.settings.change { it.copy(config = config) }
        host.start()
        await { cores.all.singleOrNull()?.isStarted == true }
        // The start is over when the core is given out.
        runBlocking { host.core() }
        context.isRefusing = false
        runBlocking { host.alarmFired() }
        assertEquals(NotificationService::class.java.name, shadowOf(app).nextStartedService?.component?.className)
        assertNull(host.service.refusal)
        host.abandon()
    }

    @Test
    fun `an app that comes to the foreground asks again for its service, once`() {
        running()
        shadowOf(app).clearStartedServices()
        val first = Robolectric.buildActivity(LaunchActivity::class.java).create().start()
        assertEquals(NotificationService::class.java.name, shadowOf(app).nextStartedService?.component?.className)
        val second = Robolectric.buildActivity(LaunchActivity::class.java).create().start()
        assertNull(shadowOf(app).nextStartedService)
        first.stop()
        second.stop()
        service().startCommand(0, 1)
        second.start()
        assertNull(shadowOf(app).nextStartedService, "a service that is up is left alone")
    }

    @Test
    fun `an app that was stopped, or a process that ended, does not come back with an activity`() {
        val core = running()
        Push.stop()
        await { "stop" in core.calls }
        kill()
        shadowOf(app).clearStartedServices()
        Push.attach(app)
        Robolectric.buildActivity(LaunchActivity::class.java).create().start()
        assertNull(shadowOf(app).nextStartedService)
    }

    @Test
    fun `a key that comes back is told again`() {
        val core = running()
        for (key in listOf("key-2", "key-1")) {
            Push.configure(app, config.copy(appKey = key))
            await { "key $key" in core.calls }
        }
    }

    @Test
    fun `of two configurations at once the newest is in force`() {
        val core = running()
        val end = stopping(core)
        Push.configure(app, config.copy(appKey = "key-2"))
        Push.configure(app, config.copy(appKey = "key-3"))
        end.complete(Unit)
        await { core.calls.any { it.startsWith("key") } }
        runBlocking { host.core() }
        assertEquals(listOf("key key-3"), core.calls.filter { it.startsWith("key") })
    }

    @Test
    fun `a broadcast of the former server is not answered to the new one`() {
        val context = HoldingContext(app)
        val host = PushHost(context, PushComponents(presenter = { FakePresenter() }), cores, PushProcess.states)
        host.settings.change { it.copy(config = config) }
        runBlocking { host.core() }
        core.platform.handOver(PushNotification("n-1"))
        await { context.results.size == 1 }
        host.configure(config.copy(server = "other.example.com"))
        await { cores.all.single().isClosed }
        runBlocking { host.core() }
        assertEquals(2, cores.all.size)
        context.results[0].onReceive(app, Intent())
        assertFalse("handed n-1 true" in core.calls)
        host.abandon()
    }
}
