package org.longwire.push

import android.app.job.JobParameters
import android.app.job.JobService
import org.longwire.push.process.PushProcess

/** Brings the service back when nothing else did. */
public class WatchdogJob : JobService() {
    /** Begins again, when the app wants it; the service does the work. */
    override fun onStartJob(params: JobParameters): Boolean {
        PushProcess.host(this).resume()
        return false
    }

    /** There is nothing under way. */
    override fun onStopJob(params: JobParameters): Boolean = false
}
