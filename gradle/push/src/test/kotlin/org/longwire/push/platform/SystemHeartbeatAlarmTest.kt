package org.longwire.push.platform

import android.app.AlarmManager
import android.content.Context
import android.os.Build
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.push.AlarmReceiver
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowAlarmManager
import java.util.concurrent.Executor
import kotlin.test.assertEquals
import kotlin.test.assertFalse
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class SystemHeartbeatAlarmTest {
    private val context: Context = RuntimeEnvironment.getApplication()
    private val manager = context.service<AlarmManager>()
    private val shadow = shadowOf(manager)
    private var fired = 0

    private fun alarm(listenerAlarms: ListenerAlarms = ListenerAlarms(manager)) =
        SystemHeartbeatAlarm(context, manager, listenerAlarms) { fired++ }

    /** Stands for the platform of API 37; only its methods count. */
    class Platform37 {
        val set = mutableListOf<Pair<Int, Long>>()
        var listener: AlarmManager.OnAlarmListener? = null
        var isRefusing = false

        @Suppress("unused")
        fun setExactAndAllowWhileIdle(
            type: Int,
            at: Long,
            tag: String,
            executor: Executor,
            listener: AlarmManager.OnAlarmListener,
        ) {
            if (isRefusing) throw SecurityException("no")
            set += type to at
            executor.execute { this.listener = listener }
        }
    }

    @Test
    fun `an alarm wakes the phone, also in Doze, and reaches the receiver`() {
        ShadowAlarmManager.setCanScheduleExactAlarms(false)
        alarm().set(123_456)
        val set = assertNotNull(shadow.nextScheduledAlarm)
        assertEquals(AlarmManager.ELAPSED_REALTIME_WAKEUP, set.type)
        assertEquals(123_456, set.triggerAtMs)
        assertTrue(set.isAllowWhileIdle)
        val intent = shadowOf(set.operation).savedIntent
        assertEquals(AlarmReceiver::class.java.name, intent.component?.className)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) assertTrue(set.operation!!.isImmutable)
    }

    @Test
    fun `it is exact where that is allowed, and only there`() {
        for (isGranted in listOf(false, true)) {
            ShadowAlarmManager.setCanScheduleExactAlarms(isGranted)
            alarm().set(1_000)
            val isExact = isGranted || Build.VERSION.SDK_INT < Build.VERSION_CODES.S
            assertEquals(isExact, SystemHeartbeatAlarm.mayBeExact(manager))
            val window = assertNotNull(shadow.nextScheduledAlarm).windowLengthMs
            assertEquals(isExact, window == 0L, "a window of $window ms")
        }
    }

    @Test
    fun `there is one alarm, and it can be taken back`() {
        val alarm = alarm()
        alarm.set(1_000)
        alarm.set(2_000)
        assertEquals(listOf(2_000L), shadow.scheduledAlarms.map { it.triggerAtMs })
        alarm.cancel()
        assertNull(shadow.nextScheduledAlarm)
    }

    @Test
    fun `the platform of API 37 is asked for a listener's alarm`() {
        val platform = Platform37()
        alarm(ListenerAlarms(platform, sdk = 37)).set(5_000)
        assertEquals(listOf(AlarmManager.ELAPSED_REALTIME_WAKEUP to 5_000L), platform.set)
        assertNull(shadow.nextScheduledAlarm, "no second alarm")
        platform.listener!!.onAlarm()
        assertEquals(1, fired)
    }

    @Test
    fun `an older platform is never asked for it`() {
        val platform = Platform37()
        assertFalse(ListenerAlarms(platform, sdk = 36).set(5_000) { })
        assertEquals(emptyList(), platform.set)
    }

    @Test
    fun `a platform that refuses or lacks it gets the old form`() {
        alarm(ListenerAlarms(Platform37().apply { isRefusing = true }, sdk = 37)).set(5_000)
        assertEquals(5_000, shadow.nextScheduledAlarm?.triggerAtMs)
        alarm(ListenerAlarms(Any(), sdk = 37)).set(6_000)
        assertEquals(6_000, shadow.nextScheduledAlarm?.triggerAtMs)
    }
}
