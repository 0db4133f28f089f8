package org.longwire.push

import org.longwire.push.core.Core
import org.longwire.push.core.CoreConfig
import org.longwire.push.core.CoreFactory
import org.longwire.push.core.CorePlatform
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.CountDownLatch

/** A core that notes what it is told, and keeps the state of rows in the platform's database, so that it outlives its process. */
internal class FakeCore(
    val config: CoreConfig,
    val platform: CorePlatform,
) : Core {
    val calls = CopyOnWriteArrayList<String>()
    val facts = CopyOnWriteArrayList<NetworkFacts>()

    @Volatile
    var isStarted = false

    @Volatile
    var isClosed = false
    var serverTime = 0L
    var refusal: PushException? = null
    var onAlarm: suspend () -> Unit = {}
    var onStop: suspend () -> Unit = {}
    var onIsDone: suspend () -> Unit = {}

    init {
        platform.execute("CREATE TABLE IF NOT EXISTS rows (id TEXT PRIMARY KEY, state TEXT NOT NULL)", emptyList())
    }

    override fun start() {
        isStarted = true
        calls += "start"
        platform.stateChanged(PushState.Connecting)
    }

    override suspend fun stop() {
        isStarted = false
        calls += "stop"
        onStop()
    }

    override fun close() {
        isClosed = true
        calls += "close"
    }

    override fun device() = "d-1"

    override fun user() = "alice"

    override fun serverTimeMs() = serverTime

    override fun networkChanged(facts: NetworkFacts) {
        this.facts += facts
        calls += "network"
    }

    override suspend fun alarmFired() {
        calls += "alarm"
        onAlarm()
    }

    override fun handed(
        id: String,
        isDisplayed: Boolean,
    ) = note("handed $id $isDisplayed", id, "done")

    override fun updated(
        id: String,
        revision: Long,
    ) = note("updated $id $revision", id, "done")

    override fun removed(id: String) = note("removed $id", id, "recalled")

    override suspend fun displayed(id: String) {
        refusal?.let { throw it }
        calls += "displayed $id"
    }

    override suspend fun opened(id: String) = note("opened $id", id, "closed")

    override suspend fun dismissed(id: String) = note("dismissed $id", id, "closed")

    override suspend fun acted(
        id: String,
        action: String,
        text: String?,
    ) = note("acted $id $action $text", id, "closed")

    override suspend fun inbox(
        limit: Int,
        before: String?,
    ) = platform.query("SELECT id, state FROM rows ORDER BY id LIMIT ?", listOf(limit.toLong())).map {
        InboxItem(PushNotification(it[0] as String), it[1] as String)
    }

    override suspend fun inboxItem(id: String) = inbox(100, null).firstOrNull { it.notification.id == id }

    override suspend fun isDone(id: String): Boolean {
        onIsDone()
        return state(id) in listOf("done", "closed", "recalled")
    }

    override suspend fun login(token: String) = answered("login $token").let { "alice" }

    override suspend fun logout() = answered("logout")

    override suspend fun join(key: String) = answered("join $key")

    override suspend fun leave(key: String) = answered("leave $key")

    override suspend fun memberships() = answered("memberships").let { listOf("user:alice") }

    override fun setAppKey(key: String?) {
        calls += "key $key"
    }

    fun state(id: String) = platform.query("SELECT state FROM rows WHERE id = ?", listOf(id)).firstOrNull()?.first()

    private fun answered(call: String) {
        if (!isStarted) throw PushException(PushException.Kind.STOPPED, "not started")
        refusal?.let { throw it }
        calls += call
    }

    private fun note(
        call: String,
        id: String,
        state: String,
    ) {
        refusal?.let { throw it }
        platform.begin()
        platform.execute("INSERT OR REPLACE INTO rows VALUES (?, ?)", listOf(id, state))
        platform.commit()
        calls += call
    }
}

/** Makes fake cores, and knows them. */
internal class FakeCores : CoreFactory {
    val all = CopyOnWriteArrayList<FakeCore>()
    var failure: PushException? = null

    /** What the making of a core waits for. */
    @Volatile
    var isBusy: CountDownLatch? = null
    val newest: FakeCore get() = all.last()

    override fun create(
        config: CoreConfig,
        platform: CorePlatform,
    ): Core {
        isBusy?.await()
        failure?.let { throw it }
        return FakeCore(config, platform).also { all += it }
    }
}
