package org.longwire.push.platform

import android.app.Application
import android.app.usage.UsageStatsManager
import android.content.Context
import android.database.sqlite.SQLiteDatabase
import androidx.annotation.RequiresApi
import java.io.File

/** Calls that Android 8.1 and 9 brought. */
@RequiresApi(28)
internal object Api28 {
    fun openDatabase(file: File): SQLiteDatabase =
        SQLiteDatabase.openDatabase(
            file,
            SQLiteDatabase.OpenParams
                .Builder()
                .addOpenFlags(SQLiteDatabase.CREATE_IF_NECESSARY or SQLiteDatabase.ENABLE_WRITE_AHEAD_LOGGING)
                .setSynchronousMode("FULL")
                .build(),
        )

    fun processName(): String = Application.getProcessName()

    fun standbyBucket(context: Context): Int? = context.getSystemService(UsageStatsManager::class.java)?.appStandbyBucket
}
