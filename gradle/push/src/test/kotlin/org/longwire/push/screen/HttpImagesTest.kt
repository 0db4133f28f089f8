package org.longwire.push.screen

import android.graphics.Bitmap
import com.sun.net.httpserver.HttpServer
import org.junit.After
import org.junit.Before
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.shadows.ShadowBitmapFactory
import java.io.ByteArrayOutputStream
import java.io.Closeable
import java.io.IOException
import java.net.InetAddress
import java.net.InetSocketAddress
import java.net.ServerSocket
import java.util.concurrent.CountDownLatch
import java.util.concurrent.TimeUnit
import java.util.concurrent.locks.LockSupport
import kotlin.concurrent.thread
import kotlin.test.assertEquals
import kotlin.test.assertNotNull
import kotlin.test.assertNull
import kotlin.test.assertTrue

@RunWith(RobolectricTestRunner::class)
class HttpImagesTest {
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)
    private val base get() = "http://127.0.0.1:${server.address.port}"
    private val image = png(64, 32)

    private fun png(
        width: Int,
        height: Int,
    ): ByteArray {
        val bytes = ByteArrayOutputStream()
        Bitmap.createBitmap(width, height, Bitmap.Config.ARGB_8888).compress(Bitmap.CompressFormat.PNG, 100, bytes)
        return bytes.toByteArray()
    }

    private fun serve(
        path: String,
        body: ByteArray,
        status: Int = 200,
    ) {
        server.createContext(path) { exchange ->
            exchange.sendResponseHeaders(status, body.size.toLong())
            exchange.responseBody.use { it.write(body) }
        }
    }

    @Before
    fun start() {
        ShadowBitmapFactory.setAllowInvalidImageData(false)
        serve("/image", image)
        serve("/text", "no picture".toByteArray())
        serve("/missing", image, 404)
        server.start()
    }

    @After
    fun stop() = server.stop(0)

    @Test
    fun `a picture is loaded`() {
        val bitmap = assertNotNull(HttpImages().load("$base/image"))
        assertEquals(64 to 32, bitmap.width to bitmap.height)
    }

    @Test
    fun `what is no picture, not there, or no address is left out`() {
        for (url in listOf(
            "$base/text",
            "$base/missing",
            "http://127.0.0.1:1/x",
            "no address",
            "file:///etc/hostname",
            "ftp://127.0.0.1/x",
            "",
        )) {
            assertNull(HttpImages().load(url), url)
        }
    }

    @Test
    fun `what is too big is left out, to the byte`() {
        assertNotNull(HttpImages(bytesMax = image.size).load("$base/image"))
        assertNull(HttpImages(bytesMax = image.size - 1).load("$base/image"))
    }

    @Test
    fun `what takes too long is left out`() {
        var now = 0L
        val slow = HttpImages(totalMs = 10, nanoTime = { now.also { now += TimeUnit.MILLISECONDS.toNanos(11) } })
        assertNull(slow.load("$base/image"))
    }

    /** Answers with a byte of its header now and then, for as long as anybody listens. */
    private class Dripping : Closeable {
        private val socket = ServerSocket(0, 1, InetAddress.getLoopbackAddress())
        val url = "http://127.0.0.1:${socket.localPort}/"
        private val thread =
            thread {
                try {
                    socket.accept().use { peer ->
                        peer.getOutputStream().write("HTTP/1.1 200 OK\r\nX: ".toByteArray())
                        while (!socket.isClosed) {
                            peer.getOutputStream().write('x'.code)
                            LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20))
                        }
                    }
                } catch (_: IOException) {
                    // Nobody listens any more.
                }
            }

        override fun close() {
            socket.close()
            thread.join()
        }
    }

    @Test(timeout = 20_000)
    fun `a host whose header drips is cut off when the time is over`() {
        Dripping().use { assertNull(HttpImages(totalMs = 200).load(it.url)) }
        assertNotNull(HttpImages().load("$base/image"), "and the next picture comes")
    }

    @Test
    fun `whatever a download or a picture throws, it is left out`() {
        for (error in listOf(IllegalArgumentException("a decoder's"), OutOfMemoryError("too big"))) {
            assertNull(HttpImages(decode = { throw error }).load("$base/image"))
        }
        assertNull(HttpImages(nanoTime = { throw NullPointerException("a client's") }).load("$base/image"))
    }

    @Test(timeout = 20_000)
    fun `one slow picture does not hold up the next`() {
        val downloads = Images.downloads()
        val second = CountDownLatch(1)
        val isSlow = CountDownLatch(1)
        downloads.execute(isSlow::await)
        downloads.execute(second::countDown)
        second.await()
        isSlow.countDown()
    }

    @Test
    fun `a huge picture is made smaller while it is read`() {
        assertEquals(listOf(1, 1, 2, 2, 4, 8), listOf(1, 1_280, 1_281, 2_560, 2_562, 10_000).map(HttpImages::sample))
        assertTrue(10_000 / HttpImages.sample(10_000) <= HttpImages.SIDE_MAX)
    }
}
