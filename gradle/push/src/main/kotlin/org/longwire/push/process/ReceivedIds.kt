package org.longwire.push.process

import android.content.Context
import org.longwire.push.PushNotification
import org.longwire.push.PushStore
import org.longwire.push.platform.SqlitePushStore
import java.util.concurrent.TimeUnit

/**
 * What the app's receivers are through with, so that a repeat is recognised although the process died before the core learned of it. Kept
 * apart from the core's database, which has one writer.
 */
internal class ReceivedIds(
    private val store: PushStore,
    private val clock: () -> Long = System::currentTimeMillis,
) {
    init {
        store.execute(
            "CREATE TABLE IF NOT EXISTS received (receiver TEXT, id TEXT, revision INTEGER, at INTEGER, " +
                "PRIMARY KEY (receiver, id, revision)) WITHOUT ROWID",
            emptyList(),
        )
    }

    @Synchronized
    fun contains(
        receiver: String,
        push: PushNotification,
    ): Boolean {
        val key = listOf(receiver, push.id, push.revision)
        return store.query("SELECT 1 FROM received WHERE receiver = ? AND id = ? AND revision = ?", key).isNotEmpty()
    }

    @Synchronized
    fun add(
        receiver: String,
        push: PushNotification,
    ) {
        val now = clock()
        store.execute("INSERT OR REPLACE INTO received VALUES (?, ?, ?, ?)", listOf(receiver, push.id, push.revision, now))
        store.execute("DELETE FROM received WHERE at < ?", listOf(now - KEPT_MS))
    }

    companion object {
        /** The longest time to live of a notification, and a day. */
        val KEPT_MS: Long = TimeUnit.DAYS.toMillis(29)
        private const val FILE = "received.db"
        private var instance: ReceivedIds? = null

        @Synchronized
        fun of(context: Context): ReceivedIds = instance ?: ReceivedIds(SqlitePushStore(context, FILE)).also { instance = it }

        /** The process ends, as far as this library can see. */
        @Synchronized
        fun end() {
            instance?.store?.close()
            instance = null
        }
    }
}
