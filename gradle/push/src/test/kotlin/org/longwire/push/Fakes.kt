package org.longwire.push

import android.app.job.JobParameters
import android.content.ComponentName
import android.content.Context
import android.content.ContextWrapper
import android.content.Intent
import org.robolectric.shadow.api.Shadow
import java.util.concurrent.CopyOnWriteArrayList

/** A phone whose system lets no service start from the background. */
internal class RefusingContext(
    context: Context,
) : ContextWrapper(context) {
    override fun getApplicationContext(): Context = this

    override fun startService(service: Intent): ComponentName = throw IllegalStateException("not allowed in the background")

    override fun startForegroundService(service: Intent): ComponentName = throw IllegalStateException("mAllowStartForeground false")
}

/** Parameters that nobody looks at. */
internal fun anyParameters(): JobParameters = Shadow.newInstanceOf(JobParameters::class.java)

/** A presenter that notes what it is told. */
internal class FakePresenter : NotificationPresenter {
    val calls = CopyOnWriteArrayList<String>()
    var isShowing = true
    var failure: RuntimeException? = null

    override fun show(notification: PushNotification): Boolean {
        failure?.let { throw it }
        calls += "show ${notification.id}"
        return isShowing
    }

    override fun remove(id: String) {
        failure?.let { throw it }
        calls += "remove $id"
    }
}
