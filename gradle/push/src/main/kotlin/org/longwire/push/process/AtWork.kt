package org.longwire.push.process

import org.longwire.push.PushNotification
import java.io.Closeable
import java.util.concurrent.atomic.AtomicBoolean

/**
 * The pushes that receivers of this process have taken on. Android wants a broadcast finished within ten seconds, also one whose turn has
 * not come; that it is finished says nothing of whether the app has it.
 */
internal object AtWork {
    private class Work {
        var receivers = 0
        val then = mutableListOf<() -> Unit>()
    }

    private val works = HashMap<Pair<String, Long>, Work>()

    /** A receiver takes a push on. It closes this when it is through, and never when it fails. */
    fun begin(push: PushNotification): Closeable {
        val work = synchronized(works) { works.getOrPut(key(push), ::Work).also { it.receivers++ } }
        val isOpen = AtomicBoolean(true)
        return Closeable { if (isOpen.compareAndSet(true, false)) end(push, work) }
    }

    /** Does something when the receivers that have taken a push on are through: at once where there is none. */
    fun whenThrough(
        push: PushNotification,
        then: () -> Unit,
    ) {
        val isLater = synchronized(works) { works[key(push)]?.then?.add(then) == true }
        if (!isLater) then()
    }

    /** The process ends, as far as this library can see. */
    fun end(): Unit = synchronized(works) { works.clear() }

    private fun end(
        push: PushNotification,
        work: Work,
    ) {
        val due =
            synchronized(works) {
                work.receivers--
                // Of a process that ended meanwhile.
                if (work.receivers > 0 || works[key(push)] !== work) return
                works -= key(push)
                work.then
            }
        for (then in due) then()
    }

    private fun key(push: PushNotification) = push.id to push.revision
}
