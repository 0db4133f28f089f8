package org.longwire.push.process

import android.app.Activity
import android.app.Application
import android.content.Context
import android.os.Bundle
import java.io.Closeable

/** Tells when the app comes to the foreground: with the first of its activities that is started. */
internal class Foreground(
    context: Context,
    private val onEntered: () -> Unit,
) : Application.ActivityLifecycleCallbacks,
    Closeable {
    private val application = context as? Application
    private var started = 0

    init {
        application?.registerActivityLifecycleCallbacks(this)
    }

    override fun close() {
        application?.unregisterActivityLifecycleCallbacks(this)
    }

    override fun onActivityStarted(activity: Activity) {
        if (started++ == 0) onEntered()
    }

    override fun onActivityStopped(activity: Activity) {
        // One that was started before this began to look is not counted.
        if (started > 0) started--
    }

    override fun onActivityCreated(
        activity: Activity,
        savedInstanceState: Bundle?,
    ) {
    }

    override fun onActivityResumed(activity: Activity) {}

    override fun onActivityPaused(activity: Activity) {}

    override fun onActivitySaveInstanceState(
        activity: Activity,
        outState: Bundle,
    ) {
    }

    override fun onActivityDestroyed(activity: Activity) {}
}
