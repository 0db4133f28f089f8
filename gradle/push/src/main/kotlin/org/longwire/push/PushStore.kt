package org.longwire.push

/**
 * The SQLite database that holds account, inbox and cursors. The client core owns schema and statements (SQLite 3.9 suffices), calls
 * from one thread, and makes each step one transaction. Replaceable through [PushComponents].
 *
 * Values are `null`, [Long], [String] and [ByteArray]. What is committed must be on the disk, not in its cache.
 */
public interface PushStore {
    /** Runs a statement that answers no rows, and tells how many rows it changed. */
    public fun execute(
        sql: String,
        arguments: List<Any?>,
    ): Long

    /** Runs a statement that answers rows. */
    public fun query(
        sql: String,
        arguments: List<Any?>,
    ): List<List<Any?>>

    /** Begins a transaction. */
    public fun begin()

    /** Makes the transaction durable. */
    public fun commit()

    /** Undoes the transaction. */
    public fun rollback()

    /** Closes the database. */
    public fun close()
}
