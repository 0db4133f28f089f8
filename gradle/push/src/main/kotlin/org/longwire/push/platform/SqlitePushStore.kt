package org.longwire.push.platform

import android.content.Context
import android.database.Cursor
import android.database.sqlite.SQLiteCursor
import android.database.sqlite.SQLiteDatabase
import android.database.sqlite.SQLiteProgram
import android.os.Build
import org.longwire.push.PushStore
import java.io.File

/** A database in the no-backup folder, with the platform's SQLite: WAL, and a commit is on the disk. */
internal class SqlitePushStore(
    context: Context,
    name: String,
) : PushStore {
    private val database: SQLiteDatabase = open(File(folder(context), name))

    override fun execute(
        sql: String,
        arguments: List<Any?>,
    ): Long =
        database.compileStatement(sql).use { statement ->
            bind(statement, arguments)
            statement.executeUpdateDelete().toLong()
        }

    override fun query(
        sql: String,
        arguments: List<Any?>,
    ): List<List<Any?>> {
        // The factory binds numbers as numbers; the platform's own way would bind every argument as a text.
        val factory =
            SQLiteDatabase.CursorFactory { _, driver, table, query ->
                bind(query, arguments)
                SQLiteCursor(driver, table, query)
            }
        return database.rawQueryWithFactory(factory, sql, null, "").use(::rows)
    }

    override fun begin(): Unit = database.beginTransactionNonExclusive()

    override fun commit() {
        database.setTransactionSuccessful()
        database.endTransaction()
    }

    override fun rollback(): Unit = database.endTransaction()

    override fun close(): Unit = database.close()

    companion object {
        private const val FOLDER = "longwire"

        /** Where everything of this library lives; backups and transfers to other phones do not reach it. */
        fun folder(context: Context): File {
            val folder = File(context.noBackupFilesDir, FOLDER)
            folder.mkdirs()
            return folder
        }

        private fun open(file: File): SQLiteDatabase {
            if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.P) return Api28.openDatabase(file)
            val flags = SQLiteDatabase.CREATE_IF_NECESSARY or SQLiteDatabase.ENABLE_WRITE_AHEAD_LOGGING
            val database = SQLiteDatabase.openDatabase(file.path, null, flags)
            database.execSQL("PRAGMA synchronous=FULL")
            return database
        }

        private fun bind(
            program: SQLiteProgram,
            arguments: List<Any?>,
        ) {
            arguments.forEachIndexed { index, value ->
                when (value) {
                    null -> program.bindNull(index + 1)
                    is Long -> program.bindLong(index + 1, value)
                    is String -> program.bindString(index + 1, value)
                    is ByteArray -> program.bindBlob(index + 1, value)
                    else -> throw IllegalArgumentException("argument ${index + 1} is a ${value.javaClass.name}")
                }
            }
        }

        private fun rows(cursor: Cursor): List<List<Any?>> {
            val rows = ArrayList<List<Any?>>(cursor.count)
            while (cursor.moveToNext()) rows += List(cursor.columnCount) { column -> value(cursor, column) }
            return rows
        }

        private fun value(
            cursor: Cursor,
            column: Int,
        ): Any? =
            when (cursor.getType(column)) {
                Cursor.FIELD_TYPE_NULL -> null
                Cursor.FIELD_TYPE_INTEGER -> cursor.getLong(column)
                Cursor.FIELD_TYPE_BLOB -> cursor.getBlob(column)
                Cursor.FIELD_TYPE_FLOAT -> throw IllegalStateException("a column of the store is a floating-point number")
                else -> cursor.getString(column)
            }
    }
}
