package org.longwire.push

import android.app.job.JobParameters
import android.content.BroadcastReceiver
import android.content.ComponentName
import android.content.Context
import android.content.ContextWrapper
import android.content.Intent
import android.os.Bundle
import android.os.Handler
import org.robolectric.shadow.api.Shadow
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch

/** A phone whose system lets no service start from the background. */
internal class RefusingContext(
    context: Context,
) : ContextWrapper(context) {
    override fun getApplicationContext(): Context = this

    @Volatile
    var isRefusing = true

    override fun startService(service: Intent): ComponentName? =
        if (isRefusing) throw IllegalStateException("not allowed in the background") else super.startService(service)

    override fun startForegroundService(service: Intent): ComponentName? =
        if (isRefusing) throw IllegalStateException("mAllowStartForeground false") else super.startForegroundService(service)
}

/** Holds ordered broadcasts back, as a busy system does, or fails to send them. */
internal class HoldingContext(
    context: Context,
) : ContextWrapper(context) {
    val results = CopyOnWriteArrayList<BroadcastReceiver>()
    var failure: RuntimeException? = null

    override fun sendOrderedBroadcast(
        intent: Intent,
        receiverPermission: String?,
        resultReceiver: BroadcastReceiver?,
        scheduler: Handler?,
        initialCode: Int,
        initialData: String?,
        initialExtras: Bundle?,
    ) {
        failure?.let { throw it }
        results += resultReceiver!!
    }
}

/** Parameters that nobody looks at. */
internal fun anyParameters(): JobParameters = Shadow.newInstanceOf(JobParameters::class.java)

/** A presenter that notes what it is told. */
internal class FakePresenter : NotificationPresenter {
    val calls = CopyOnWriteArrayList<String>()
    var isShowing = true
    var failure: RuntimeException? = null

    /** What a call of [show] waits for. */
    @Volatile
    var isBusy: CountDownLatch? = null

    override fun show(notification: PushNotification): Boolean {
        failure?.let { throw it }
        calls += "show ${notification.id}"
        isBusy?.await()
        return isShowing
    }

    override fun remove(id: String) {
        failure?.let { throw it }
        calls += "remove $id"
    }
}
