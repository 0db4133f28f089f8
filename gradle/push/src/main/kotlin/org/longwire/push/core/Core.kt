package org.longwire.push.core

import org.longwire.push.ClientCertificate
import org.longwire.push.InboxItem
import org.longwire.push.NetworkFacts
import org.longwire.push.PushNotification
import org.longwire.push.PushState
import org.longwire.push.Trust

/** The client core as this library sees it. Calls throw `PushException`; one core lives at a time. */
internal interface Core {
    fun start()

    /** A polite end: what is under way is on disk when it returns. */
    suspend fun stop()

    /** Gives the core up, politely ended or not; no other call follows. */
    fun close()

    fun device(): String?

    fun user(): String?

    /** Unix milliseconds of the server's clock, 0 while it was never told. */
    fun serverTimeMs(): Long

    fun networkChanged(facts: NetworkFacts)

    /** Returns when what the alarm was for is settled. */
    suspend fun alarmFired()

    fun handed(
        id: String,
        isDisplayed: Boolean,
    )

    fun updated(
        id: String,
        revision: Long,
    )

    fun removed(id: String)

    /** Durable when it returns, and works without [start], as do the next three. */
    suspend fun displayed(id: String)

    suspend fun opened(id: String)

    suspend fun dismissed(id: String)

    suspend fun acted(
        id: String,
        action: String,
        text: String?,
    )

    suspend fun inbox(
        limit: Int,
        before: String?,
    ): List<InboxItem>

    suspend fun inboxItem(id: String): InboxItem?

    suspend fun isDone(id: String): Boolean

    /** Answers the user's name. */
    suspend fun login(token: String): String

    suspend fun logout()

    /** Joins a key: `topic:a/b` or `tag:beta`. */
    suspend fun join(key: String)

    suspend fun leave(key: String)

    suspend fun memberships(): List<String>

    fun setAppKey(key: String?)
}

/** What a core is told once. */
internal data class CoreConfig(
    val domain: String,
    val host: String?,
    val port: Int?,
    val isDirectTls: Boolean,
    val appKey: String?,
    val trust: Trust,
    val clientCertificate: ClientCertificate?,
    val software: String,
    val bootId: String,
    /** Where the note lies whose payload is being read. */
    val directory: String,
    val heartbeatSeconds: Int?,
)

/** What a core asks of the platform. A throw is a failure for the core, never a crash. */
internal interface CorePlatform {
    fun execute(
        sql: String,
        arguments: List<Any?>,
    ): Long

    fun query(
        sql: String,
        arguments: List<Any?>,
    ): List<List<Any?>>

    fun begin()

    fun commit()

    fun rollback()

    fun setAlarm(atElapsedMs: Long)

    fun cancelAlarm()

    fun checkCertificate(
        chain: List<ByteArray>,
        authType: String,
        host: String,
    )

    fun handOver(notification: PushNotification)

    fun remove(
        id: String,
        attempt: Int,
    )

    fun stateChanged(state: PushState)

    fun log(
        priority: Int,
        target: String,
        message: String,
    )
}

/** Makes cores. Opens the store, so not on the main thread. */
internal fun interface CoreFactory {
    fun create(
        config: CoreConfig,
        platform: CorePlatform,
    ): Core
}
