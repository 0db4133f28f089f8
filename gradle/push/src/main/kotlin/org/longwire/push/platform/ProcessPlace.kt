package org.longwire.push.platform

import android.content.ComponentName
import android.content.Context
import android.content.pm.PackageManager
import android.os.Build
import android.util.Log
import org.longwire.push.NotificationService
import org.longwire.push.PushException
import java.io.File
import java.io.IOException

/** Whether this is the process of the app in which the library works: the service's. Two cores over one database would be one too many. */
internal class ProcessPlace(
    private val context: Context,
) {
    private val own: String? by lazy { if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) Api28.processName() else commandLine() }
    private val home: String? by lazy { serviceProcess() }

    /** Whether the library works in another process than this one. */
    val isForeign: Boolean get() = own != null && home != null && own != home

    /** Throws where [isForeign]. */
    fun check() {
        if (isForeign) throw PushException.config("the library works in the app's process $home, and this is $own: call it there")
    }

    private fun serviceProcess(): String? =
        try {
            context.packageManager.getServiceInfo(ComponentName(context, NotificationService::class.java), 0).processName
        } catch (_: PackageManager.NameNotFoundException) {
            // An app that removed the service has no second one.
            null
        }

    /** The process's name, which has a dot as a package's has; on anything but a phone it is that of a program. */
    private fun commandLine(): String? =
        try {
            File("/proc/self/cmdline").readText().substringBefore('\u0000').takeIf { '.' in it && '/' !in it }
        } catch (error: IOException) {
            Log.w(LOG_TAG, "the process has no name", error)
            null
        }
}
