package org.longwire.push.process

import android.util.Log
import kotlinx.coroutines.flow.MutableStateFlow
import org.longwire.push.HeartbeatAlarm
import org.longwire.push.PushNotification
import org.longwire.push.PushState
import org.longwire.push.PushStore
import org.longwire.push.core.CorePlatform
import org.longwire.push.platform.CertificateCheck
import org.longwire.push.platform.LOG_TAG

/** What the core asks for, passed to the parts that do it. */
internal class HostPlatform(
    private val store: PushStore,
    private val alarm: HeartbeatAlarm,
    private val handover: Handover,
    private val states: MutableStateFlow<PushState>,
) : CorePlatform {
    private val certificates by lazy { CertificateCheck() }

    override fun execute(
        sql: String,
        arguments: List<Any?>,
    ): Long = store.execute(sql, arguments)

    override fun query(
        sql: String,
        arguments: List<Any?>,
    ): List<List<Any?>> = store.query(sql, arguments)

    override fun begin(): Unit = store.begin()

    override fun commit(): Unit = store.commit()

    override fun rollback(): Unit = store.rollback()

    override fun setAlarm(atElapsedMs: Long): Unit = alarm.set(atElapsedMs)

    override fun cancelAlarm(): Unit = alarm.cancel()

    override fun checkCertificate(
        chain: List<ByteArray>,
        authType: String,
        host: String,
    ): Unit = certificates.check(chain, authType, host)

    override fun handOver(notification: PushNotification): Unit = handover.handOver(notification)

    override fun remove(
        id: String,
        attempt: Int,
    ): Unit = handover.remove(id)

    override fun stateChanged(state: PushState) {
        states.value = state
    }

    override fun log(
        priority: Int,
        target: String,
        message: String,
    ) {
        Log.println(priority, LOG_TAG, "$target: $message")
    }
}
