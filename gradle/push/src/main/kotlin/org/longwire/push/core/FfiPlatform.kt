package org.longwire.push.core

import android.util.Log
import com.sun.jna.Native
import org.longwire.push.ffi.LogLevel
import org.longwire.push.ffi.Platform
import org.longwire.push.ffi.PlatformException
import org.longwire.push.ffi.SqlValue
import org.longwire.push.ffi.PushNotification as FfiNotification
import org.longwire.push.ffi.PushState as FfiState

/** What the native library asks for. Whatever fails becomes the one exception that it expects. */
internal class FfiPlatform(
    private val platform: CorePlatform,
) : Platform {
    override fun execute(
        sql: String,
        args: List<SqlValue>,
    ): ULong = answer { platform.execute(sql, args.map(::toKotlin)).toULong() }

    override fun query(
        sql: String,
        args: List<SqlValue>,
    ): List<List<SqlValue>> = answer { platform.query(sql, args.map(::toKotlin)).map { row -> row.map(::toSql) } }

    /** A transaction belongs to a thread: that of the library stays the same one here instead of being attached anew for each call. */
    override fun begin(): Unit =
        answer {
            Native.detach(false)
            platform.begin()
        }

    override fun commit(): Unit = answer { platform.commit() }

    override fun rollback(): Unit = answer { platform.rollback() }

    override fun setAlarm(atElapsedMs: ULong): Unit = answer { platform.setAlarm(atElapsedMs.toLong()) }

    override fun cancelAlarm(): Unit = answer { platform.cancelAlarm() }

    override fun checkCertificate(
        chain: List<ByteArray>,
        authType: String,
        host: String,
    ): Unit = answer { platform.checkCertificate(chain, authType, host) }

    override fun handOver(notification: FfiNotification): Unit = answer { platform.handOver(notification.toPublic()) }

    override fun remove(
        id: String,
        attempt: UInt,
    ): Unit = answer { platform.remove(id, attempt.toInt()) }

    override fun stateChanged(state: FfiState): Unit = answer { platform.stateChanged(state.toPublic()) }

    override fun log(
        level: LogLevel,
        target: String,
        message: String,
    ): Unit = answer { platform.log(priority(level), target, message) }

    /** Errors count too: what UniFFI does not catch, the native library would take for success. */
    private inline fun <T> answer(call: () -> T): T =
        try {
            call()
        } catch (error: Throwable) {
            throw PlatformException.Failed(listOfNotNull(error.javaClass.simpleName, error.message).joinToString(": "))
        }

    private fun toKotlin(value: SqlValue): Any? =
        when (value) {
            is SqlValue.Null -> null
            is SqlValue.Integer -> value.value
            is SqlValue.Text -> value.value
            is SqlValue.Blob -> value.value
        }

    private fun toSql(value: Any?): SqlValue =
        when (value) {
            null -> SqlValue.Null
            is Long -> SqlValue.Integer(value)
            is String -> SqlValue.Text(value)
            is ByteArray -> SqlValue.Blob(value)
            else -> throw IllegalArgumentException("a store answered a ${value.javaClass.name}")
        }

    private fun priority(level: LogLevel): Int =
        when (level) {
            LogLevel.DEBUG -> Log.DEBUG
            LogLevel.INFO -> Log.INFO
            LogLevel.WARN -> Log.WARN
            LogLevel.ERROR -> Log.ERROR
        }
}
