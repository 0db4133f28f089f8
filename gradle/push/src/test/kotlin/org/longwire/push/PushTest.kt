package org.longwire.push

import android.app.Application
import android.app.NotificationManager
import android.os.Looper
import org.junit.After
import org.junit.Before
import org.junit.runner.RunWith
import org.longwire.push.host.HostReceiver
import org.longwire.push.platform.service
import org.longwire.push.process.Background
import org.longwire.push.process.PushHost
import org.longwire.push.process.PushProcess
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.LockSupport
import kotlin.test.fail

/** A process of the host app with a fake core. */
@RunWith(RobolectricTestRunner::class)
abstract class PushTest {
    protected val app: Application = RuntimeEnvironment.getApplication()
    protected val config = PushConfig("push.example.com", "key-1")
    internal val cores = FakeCores()
    internal val core: FakeCore get() = cores.newest
    internal val host: PushHost get() = PushProcess.host(app)
    protected val notifications: NotificationManager = app.service()

    @Before
    fun beginProcess() {
        endProcess()
        PushProcess.components = PushComponents()
        PushProcess.coreFactory = cores
    }

    @After
    fun endProcess() {
        HostReceiver.isBusy?.countDown()
        HostReceiver.isBusy = null
        PushProcess.end()
        Background.pendingMs = Background.PENDING_MS
        HostReceiver.received.clear()
        HostReceiver.actions.clear()
    }

    /** The process ends without a word; what was on the disk stays. */
    protected fun kill() = PushProcess.end()

    /** Configured and started, with the service's part played by hand. */
    internal fun running(config: PushConfig = this.config): FakeCore {
        Push.configure(app, config)
        Push.start()
        host.runSoon()
        await { cores.all.lastOrNull()?.isStarted == true }
        return core
    }

    /** Lets the main thread do what it has, until the condition holds. */
    protected fun await(condition: () -> Boolean) {
        val end = System.nanoTime() + TimeUnit.SECONDS.toNanos(20)
        while (!condition()) {
            if (System.nanoTime() > end) fail("it did not come to that; the cores were told ${cores.all.map { it.calls }}")
            shadowOf(Looper.getMainLooper()).idle()
            LockSupport.parkNanos(1_000_000)
        }
    }
}
