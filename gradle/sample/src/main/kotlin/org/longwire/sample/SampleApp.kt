package org.longwire.sample

import android.app.Application
import org.longwire.push.Push

/** Tells the library where its server is, each time the process begins: also for a boot or a push, without any activity. */
class SampleApp : Application() {
    override fun onCreate() {
        super.onCreate()
        Push.configure(this, ServerSettings(this).load())
    }
}
