package org.longwire.push.platform

import android.database.sqlite.SQLiteException
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import java.io.File
import kotlin.test.assertContentEquals
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class SqlitePushStoreTest {
    private val context = RuntimeEnvironment.getApplication()

    private fun open() = SqlitePushStore(context, "test.db")

    private fun SqlitePushStore.run(sql: String) = execute(sql, emptyList())

    private fun SqlitePushStore.one(sql: String) = query(sql, emptyList()).single().single()

    @Test
    fun `a commit is on the disk`() {
        val store = open()
        assertEquals("wal", store.one("PRAGMA journal_mode"))
        assertEquals(2L, store.one("PRAGMA synchronous"), "FULL")
        assertTrue(File(context.noBackupFilesDir, "longwire/test.db").exists())
        store.close()
    }

    @Test
    fun `values come back as what they were`() {
        val store = open()
        store.run("CREATE TABLE t (a, b, c, d)")
        val values = listOf(null, Long.MIN_VALUE, "ä\u0000😀", byteArrayOf(0, -1, 7))
        assertEquals(1, store.execute("INSERT INTO t VALUES (?, ?, ?, ?)", values))
        val row = store.query("SELECT * FROM t", emptyList()).single()
        assertEquals(values.take(3), row.take(3))
        assertContentEquals(values[3] as ByteArray, row[3] as ByteArray)
        store.close()
    }

    @Test
    fun `arguments keep their types also without a column to lend one`() {
        val store = open()
        assertEquals("integer", store.query("SELECT typeof(?)", listOf(7L)).single().single())
        assertEquals("text", store.query("SELECT typeof(?)", listOf("7")).single().single())
        assertEquals(listOf(listOf<Any?>(1L)), store.query("SELECT 1 LIMIT ?", listOf(1L)))
        store.close()
    }

    @Test
    fun `a statement tells how many rows it changed`() {
        val store = open()
        store.run("CREATE TABLE t (a INTEGER)")
        store.run("INSERT INTO t VALUES (1), (2), (3)")
        assertEquals(2, store.execute("UPDATE t SET a = 0 WHERE a > ?", listOf(1L)))
        assertEquals(3, store.run("DELETE FROM t"))
        store.close()
    }

    @Test
    fun `a transaction is all there after the process, or nothing of it`() {
        val first = open()
        first.run("CREATE TABLE t (a)")
        first.begin()
        first.run("INSERT INTO t VALUES (1)")
        first.run("INSERT INTO t VALUES (2)")
        first.commit()
        first.begin()
        first.run("DELETE FROM t")
        first.rollback()
        first.begin()
        first.run("INSERT INTO t VALUES (3)")
        // This process dies within its transaction; the system rolls back what its connection held.
        first.rollback()
        first.close()
        val second = open()
        assertEquals(2L, second.one("SELECT count(*) FROM t"))
        second.close()
    }

    @Test
    fun `what fails is thrown and changes nothing`() {
        val store = open()
        store.run("CREATE TABLE t (a UNIQUE)")
        store.run("INSERT INTO t VALUES (1)")
        assertFailsWith<SQLiteException> { store.run("INSERT INTO t VALUES (2), (1)") }
        assertFailsWith<SQLiteException> { store.run("no sql") }
        assertFailsWith<SQLiteException> { store.query("SELECT * FROM nowhere", emptyList()) }
        assertFailsWith<IllegalArgumentException> { store.execute("INSERT INTO t VALUES (?)", listOf(1.5)) }
        assertEquals(1L, store.one("SELECT count(*) FROM t"))
        store.close()
    }

    @Test
    fun `many rows and long texts come whole`() {
        val store = open()
        store.run("CREATE TABLE t (a INTEGER, b TEXT)")
        val text = "x".repeat(200_000)
        store.begin()
        for (number in 1L..30L) store.execute("INSERT INTO t VALUES (?, ?)", listOf(number, text))
        store.commit()
        val rows = store.query("SELECT a, b FROM t ORDER BY a", emptyList())
        assertEquals((1L..30L).toList(), rows.map { it[0] })
        assertTrue(rows.all { it[1] == text })
        store.close()
    }
}
