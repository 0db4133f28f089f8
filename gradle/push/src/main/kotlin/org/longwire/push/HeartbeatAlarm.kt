package org.longwire.push

/**
 * Wakes the phone when something is due, since timers sleep in Doze. There is one alarm at a time. Replaceable through
 * [PushComponents]; whoever replaces it calls [Push.alarmFired] when the time has come.
 */
public interface HeartbeatAlarm {
    /** Sets the alarm, in place of the former one, to a time of `SystemClock.elapsedRealtime()`. */
    public fun set(atElapsedMs: Long)

    /** Takes the alarm back. */
    public fun cancel()
}
