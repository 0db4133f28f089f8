package org.longwire.push

import android.content.Intent
import android.os.Looper
import kotlinx.coroutines.CompletableDeferred
import org.junit.Test
import org.longwire.push.platform.WakeLocks
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowPowerManager
import java.util.concurrent.TimeUnit
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertTrue

class AlarmReceiverTest : PushTest() {
    private fun ring() = AlarmReceiver().onReceive(app, Intent(app, AlarmReceiver::class.java))

    @Test
    fun `the phone stays awake until the heartbeat is settled, and no longer`() {
        val core = running()
        val settled = CompletableDeferred<Unit>()
        core.onAlarm = settled::await
        ring()
        await { "alarm" in core.calls }
        val lock = ShadowPowerManager.getLatestWakeLock()
        assertTrue(lock.isHeld)
        assertTrue("alarm" in shadowOf(lock).tag)
        settled.complete(Unit)
        await { !lock.isHeld }
    }

    @Test
    fun `every wake lock has an end of its own`() {
        val lock = WakeLocks(app).hold("test", 5_000)
        val held = ShadowPowerManager.getLatestWakeLock()
        assertTrue(held.isHeld)
        lock.close()
        lock.close()
        assertFalse(held.isHeld)
        WakeLocks(app).hold("test")
        val forgotten = ShadowPowerManager.getLatestWakeLock()
        assertTrue(forgotten.isHeld)
        shadowOf(Looper.getMainLooper()).idleFor(WakeLocks.MAX_MS + 1, TimeUnit.MILLISECONDS)
        assertFalse(forgotten.isHeld)
        assertTrue(WakeLocks.MAX_MS <= 60_000)
    }

    @Test
    fun `an alarm that finds the process dead brings it to life first`() {
        running()
        kill()
        shadowOf(app).clearStartedServices()
        ring()
        await { cores.all.size == 2 && "alarm" in core.calls }
        assertTrue(core.calls.indexOf("start") < core.calls.indexOf("alarm"))
        assertEquals(NotificationService::class.java.name, shadowOf(app).nextStartedService?.component?.className)
    }

    @Test
    fun `an alarm after the stop does nothing`() {
        val core = running()
        Push.stop()
        await { "stop" in core.calls }
        ring()
        Push.alarmFired(app)
        kill()
        ring()
        await { shadowOf(Looper.getMainLooper()).isIdle }
        assertFalse("alarm" in core.calls)
        assertEquals(1, cores.all.size)
    }
}
