package org.longwire.e2e.world

import java.io.IOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.net.Socket
import java.time.Duration
import java.util.concurrent.CopyOnWriteArrayList
import java.util.concurrent.atomic.AtomicInteger
import java.util.concurrent.atomic.AtomicLong
import java.util.concurrent.locks.ReentrantLock
import kotlin.concurrent.thread
import kotlin.concurrent.withLock

/** The road to a server: it can be counted, cut, frozen and closed. */
class Road(
    /** Where it leads from the next connection on. */
    @Volatile var target: String,
) : AutoCloseable {
    private val listener = ServerSocket(0, BACKLOG, InetAddress.getLoopbackAddress())
    private val sockets = CopyOnWriteArrayList<Socket>()
    private val counted = AtomicInteger()
    private val sent = AtomicLong()
    private val received = AtomicLong()

    @Volatile
    private var passedNs = System.nanoTime()
    private val lock = ReentrantLock()
    private val thawed = lock.newCondition()
    private var isFrozen = false

    @Volatile
    private var isClosed = false

    init {
        thread(isDaemon = true, name = "road") { accept() }
    }

    /** Host and port for phones. */
    val address: String = "127.0.0.1:${listener.localPort}"

    /** How many connections came so far. */
    val connections: Int get() = counted.get()

    /** Bytes that phones sent. */
    val bytesUp: Long get() = sent.get()

    /** Bytes that phones were sent. */
    val bytesDown: Long get() = received.get()

    /** Whether nothing passed for so long. */
    fun isQuietFor(time: Duration): Boolean = System.nanoTime() - passedNs >= time.toNanos()

    /** Ends every connection; new ones pass. */
    fun cut() {
        for (socket in sockets) socket.close()
        sockets.clear()
    }

    /** From now on nobody gets through, and connections that are there end. */
    fun block() {
        isClosed = true
        cut()
    }

    /** New connections pass again. */
    fun unblock() {
        isClosed = false
    }

    /** Not a byte passes any more, and nobody is told. */
    fun freeze() = lock.withLock { isFrozen = true }

    /** What was held passes. */
    fun thaw() =
        lock.withLock {
            isFrozen = false
            thawed.signalAll()
        }

    override fun close() {
        listener.close()
        block()
        thaw()
    }

    private fun accept() {
        while (true) {
            val phone =
                try {
                    listener.accept()
                } catch (_: IOException) {
                    return
                }
            counted.incrementAndGet()
            if (isClosed) phone.close() else carry(phone)
        }
    }

    private fun carry(phone: Socket) {
        val (host, port) = target.split(":")
        val server = Socket()
        try {
            server.connect(InetSocketAddress(host, port.toInt()))
        } catch (_: IOException) {
            phone.close()
            return
        }
        for (socket in listOf(phone, server)) {
            socket.tcpNoDelay = true
            sockets += socket
        }
        thread(isDaemon = true, name = "road up") { pump(phone, server, sent) }
        thread(isDaemon = true, name = "road down") { pump(server, phone, received) }
    }

    /** A connection that fails is one that ends: the other side is closed too, and sees that. */
    private fun pump(
        from: Socket,
        to: Socket,
        count: AtomicLong,
    ) {
        val buffer = ByteArray(BUFFER)
        try {
            while (true) {
                val length = from.getInputStream().read(buffer)
                if (length < 0) break
                awaitThaw()
                to.getOutputStream().write(buffer, 0, length)
                count.addAndGet(length.toLong())
                passedNs = System.nanoTime()
            }
        } catch (_: IOException) {
            // Closed by the other direction, or cut.
        }
        from.close()
        to.close()
    }

    private fun awaitThaw() =
        lock.withLock {
            while (isFrozen) thawed.await()
        }

    private companion object {
        const val BACKLOG = 50
        const val BUFFER = 16 * 1024
    }
}
