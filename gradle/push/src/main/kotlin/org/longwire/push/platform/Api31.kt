package org.longwire.push.platform

import android.app.AlarmManager
import androidx.annotation.RequiresApi

/** Calls that Android 12 brought. */
@RequiresApi(31)
internal object Api31 {
    fun mayBeExact(manager: AlarmManager): Boolean = manager.canScheduleExactAlarms()
}
