package org.longwire.e2e.world

import org.longwire.push.PushStore
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.withLock

/**
 * A store whose process may die while this JVM lives on. With a process its locks go; here a thread of Rust that is within a transaction
 * would keep the database's. So the process dies between two of them, and begins no other.
 */
class Mortal(
    private val store: PushStore,
) : PushStore by store {
    private val lock = ReentrantLock()
    private val settled = lock.newCondition()
    private var isWithin = false
    private var isDead = false

    /** From now on nothing is stored. */
    fun die() =
        lock.withLock {
            while (isWithin) settled.await()
            isDead = true
        }

    override fun begin() {
        lock.withLock {
            check(!isDead) { "the process is dead" }
            isWithin = true
        }
        store.begin()
    }

    override fun commit() = ending(store::commit)

    override fun rollback() = ending(store::rollback)

    private fun ending(end: () -> Unit) {
        try {
            end()
        } finally {
            lock.withLock {
                isWithin = false
                settled.signalAll()
            }
        }
    }
}
