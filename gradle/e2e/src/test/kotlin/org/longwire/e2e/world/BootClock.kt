package org.longwire.e2e.world

import java.io.File

/** The clock that waits and alarms are on: it counts sleep. Robolectric's stands still. */
object BootClock {
    private const val MS = 1_000

    /** Milliseconds since the machine began. */
    fun now(): Long =
        File("/proc/uptime")
            .readText()
            .substringBefore(' ')
            .toDouble()
            .times(MS)
            .toLong()
}
