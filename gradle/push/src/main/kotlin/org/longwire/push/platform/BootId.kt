package org.longwire.push.platform

import android.content.Context
import android.provider.Settings
import java.util.UUID

/** Names the boot that the clock of `elapsedRealtime` belongs to. */
internal object BootId {
    /** Where the system does not count boots, every process counts as one: what is then known of time is only less. */
    private val unknown = "process:${UUID.randomUUID()}"

    fun read(context: Context): String =
        when (val count = Settings.Global.getInt(context.contentResolver, Settings.Global.BOOT_COUNT, -1)) {
            -1 -> unknown
            else -> "boot:$count"
        }
}
