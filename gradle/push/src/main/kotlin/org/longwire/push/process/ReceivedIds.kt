package org.longwire.push.process

import android.content.Context
import android.database.SQLException
import android.util.Log
import org.longwire.push.PushNotification
import org.longwire.push.PushStore
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.SqlitePushStore
import java.util.concurrent.TimeUnit

/**
 * What the app's receivers are through with, so that a repeat is recognised although the process died before the core learned of it. Kept
 * apart from the core's database, which has one writer. When it fails, a push may come once more, which is better than not at all.
 */
internal class ReceivedIds(
    private val clock: () -> Long = System::currentTimeMillis,
    private val open: () -> PushStore,
) {
    private var store: PushStore? = null

    @Synchronized
    fun contains(
        receiver: String,
        push: PushNotification,
    ): Boolean =
        guard(false) {
            val key = listOf(receiver, push.id, push.revision)
            store().query("SELECT 1 FROM received WHERE receiver = ? AND id = ? AND revision = ?", key).isNotEmpty()
        }

    @Synchronized
    fun add(
        receiver: String,
        push: PushNotification,
    ): Unit =
        guard(Unit) {
            val now = clock()
            store().execute("INSERT OR REPLACE INTO received VALUES (?, ?, ?, ?)", listOf(receiver, push.id, push.revision, now))
            store().execute("DELETE FROM received WHERE at < ?", listOf(now - KEPT_MS))
        }

    @Synchronized
    fun close() {
        store?.close()
        store = null
    }

    private fun store(): PushStore =
        store ?: open().also {
            it.execute(SCHEMA, emptyList())
            store = it
        }

    private fun <T> guard(
        otherwise: T,
        call: () -> T,
    ): T =
        try {
            call()
        } catch (error: SQLException) {
            Log.e(LOG_TAG, "the memory of received pushes fails", error)
            otherwise
        }

    companion object {
        /** The longest time to live of a notification, and a day. */
        val KEPT_MS: Long = TimeUnit.DAYS.toMillis(29)
        private const val FILE = "received.db"
        private const val SCHEMA =
            "CREATE TABLE IF NOT EXISTS received (receiver TEXT, id TEXT, revision INTEGER, at INTEGER, " +
                "PRIMARY KEY (receiver, id, revision)) WITHOUT ROWID"
        private var instance: ReceivedIds? = null

        @Synchronized
        fun of(context: Context): ReceivedIds = instance ?: ReceivedIds { SqlitePushStore(context, FILE) }.also { instance = it }

        /** The process ends, as far as this library can see. */
        @Synchronized
        fun end() {
            instance?.close()
            instance = null
        }
    }
}
