package org.longwire.sample

import android.app.Application
import android.util.Log
import org.longwire.push.Push
import org.longwire.push.PushException

/** Tells the library where its server is, each time the process begins: also for a boot or a push, without any activity. */
class SampleApp : Application() {
    override fun onCreate() {
        super.onCreate()
        try {
            Push.configure(this, ServerSettings(this).load())
        } catch (failure: PushException) {
            // What was typed is no server: the screen says so when it is asked to connect.
            Log.w("sample", "not configured: ${failure.message}")
        }
    }
}
