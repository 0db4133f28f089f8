package org.longwire.e2e.clocks

import android.app.AlarmManager
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.BootClock
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.await
import org.longwire.e2e.world.awaitThat
import org.longwire.e2e.world.stays
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import java.time.Duration

/** A phone in Doze, whose timers sleep while time passes: run in a process under which [Clocks] were put. */
@RunWith(RobolectricTestRunner::class)
class Doze {
    @get:Rule
    val stage = Stage()

    @Test
    fun `no timer sends the heartbeat, and the alarm does`() {
        val (phone, road) = stage.phone to stage.road
        phone.online(phone.config.copy(heartbeatSeconds = 1))
        awaitThat("quiet") { road.isQuietFor(Duration.ofMillis(200)) }
        Clocks.ofThisProcess().sleep()
        val asleep = BootClock.now()
        val up = road.bytesUp
        stays("without a heartbeat") { road.bytesUp == up }

        val alarms = shadowOf(phone.app.getSystemService(AlarmManager::class.java)!!)
        val alarm = await("alarm") { alarms.scheduledAlarms.singleOrNull() }
        check(alarm.allowWhileIdle) { "it does not ring in Doze" }
        check(alarm.type == AlarmManager.ELAPSED_REALTIME_WAKEUP) { "it does not wake the phone" }
        // The heartbeat's time, and up to a second that the library rounds it up by.
        check(alarm.triggerAtMs in asleep - HEARTBEAT_MS..asleep + 2 * HEARTBEAT_MS) { "at ${alarm.triggerAtMs}, asleep since $asleep" }
        val down = road.bytesDown
        alarm.operation!!.send()
        awaitThat("heartbeat", seen = { phone.state }) { road.bytesUp > up }
        awaitThat("answer", seen = { phone.state }) { road.bytesDown > down && phone.state is PushState.Online }
        awaitThat("next alarm", seen = { alarms.scheduledAlarms.map { it.triggerAtMs } }) {
            alarms.scheduledAlarms.singleOrNull()?.let { it.triggerAtMs > alarm.triggerAtMs } ?: false
        }
        phone.awaitPush(stage.api.send("all", "title" to "Still here"))
    }

    private companion object {
        const val HEARTBEAT_MS = 1_000L
    }
}
