package org.longwire.push.process

import android.app.job.JobInfo
import android.app.job.JobScheduler
import android.content.ComponentName
import android.content.Context
import android.util.Log
import org.longwire.push.WatchdogJob
import org.longwire.push.platform.LOG_TAG

/** Jobs that look after the service, in case that neither the system nor an alarm brings it back. */
internal class Watchdog(
    private val context: Context,
) {
    private val scheduler: JobScheduler? = context.getSystemService(JobScheduler::class.java)

    /** Looks every quarter of an hour, also after reboots. */
    fun watch() {
        if (scheduler?.allPendingJobs.orEmpty().any { it.id == PERIODIC }) return
        schedule(job(PERIODIC).setPeriodic(PERIOD_MS).setPersisted(true).build())
    }

    /** Looks in a moment: the service was killed, or its task was removed. */
    fun lookSoon() {
        schedule(job(SOON).setMinimumLatency(SOON_MS).setOverrideDeadline(SOON_MAX_MS).build())
    }

    fun cancel() {
        scheduler?.cancel(PERIODIC)
        scheduler?.cancel(SOON)
    }

    private fun job(id: Int): JobInfo.Builder = JobInfo.Builder(id, ComponentName(context, WatchdogJob::class.java))

    private fun schedule(job: JobInfo) {
        try {
            scheduler?.schedule(job)
        } catch (error: RuntimeException) {
            // Of an app with too many jobs; the service stands by itself.
            Log.w(LOG_TAG, "cannot schedule the watchdog", error)
        }
    }

    companion object {
        /** Numbers that no app is likely to use for jobs of its own. */
        const val PERIODIC: Int = 0x4C57_0001
        const val SOON: Int = 0x4C57_0002
        const val PERIOD_MS: Long = 15 * 60_000
        private const val SOON_MS = 1_000L
        private const val SOON_MAX_MS = 10_000L
    }
}
