package org.longwire.push.platform

import android.app.AlarmManager
import android.os.Build
import android.util.Log
import java.lang.reflect.InvocationTargetException
import java.lang.reflect.Method
import java.util.concurrent.Executor

/**
 * The exact alarm with a listener that API 37 brought; it needs no permission. It is called by reflection, because the library is
 * compiled against an older platform. Not tried on a phone.
 */
internal class ListenerAlarms(
    private val manager: Any,
    sdk: Int = Build.VERSION.SDK_INT,
) {
    private val method: Method? = if (sdk >= SDK) find(manager) else null

    /** Whether the alarm is set; if not, another form has to do. */
    fun set(
        atElapsedMs: Long,
        listener: AlarmManager.OnAlarmListener,
    ): Boolean {
        val method = method ?: return false
        return try {
            method.invoke(manager, AlarmManager.ELAPSED_REALTIME_WAKEUP, atElapsedMs, TAG, DIRECT, listener)
            true
        } catch (error: InvocationTargetException) {
            Log.w(LOG_TAG, "the platform refuses an alarm with a listener", error.targetException)
            false
        } catch (error: IllegalAccessException) {
            Log.w(LOG_TAG, "the platform refuses an alarm with a listener", error)
            false
        }
    }

    companion object {
        const val SDK: Int = 37
        private const val TAG = "longwire:heartbeat"
        private val DIRECT = Executor(Runnable::run)

        private fun find(manager: Any): Method? =
            try {
                manager.javaClass.getMethod(
                    "setExactAndAllowWhileIdle",
                    Int::class.javaPrimitiveType,
                    Long::class.javaPrimitiveType,
                    String::class.java,
                    Executor::class.java,
                    AlarmManager.OnAlarmListener::class.java,
                )
            } catch (error: NoSuchMethodException) {
                Log.w(LOG_TAG, "no alarm with a listener on this platform", error)
                null
            }
    }
}
