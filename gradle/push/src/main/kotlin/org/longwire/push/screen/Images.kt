package org.longwire.push.screen

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.util.Log
import org.longwire.push.platform.LOG_TAG
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.Executor
import java.util.concurrent.Executors
import java.util.concurrent.LinkedBlockingQueue
import java.util.concurrent.ThreadPoolExecutor
import java.util.concurrent.TimeUnit

/** Gets pictures. Not on the main thread. */
internal fun interface Images {
    /** The picture at an http or https address, `null` when there is none to be had within the limits. */
    fun load(url: String): Bitmap?

    companion object {
        private const val THREADS = 3
        private const val IDLE_S = 30L

        /** A few at a time: a slow host holds up its own pictures. Threads that have nothing to do end. */
        fun downloads(): Executor =
            ThreadPoolExecutor(THREADS, THREADS, IDLE_S, TimeUnit.SECONDS, LinkedBlockingQueue()) { Thread(it, "longwire-images") }
                .apply { allowCoreThreadTimeOut(true) }
    }
}

/** Gets pictures by HTTP: what is too big, too slow or no picture is left out, never waited for. */
internal class HttpImages(
    private val bytesMax: Int = BYTES_MAX,
    private val totalMs: Long = TOTAL_MS,
    private val nanoTime: () -> Long = System::nanoTime,
    private val decode: (ByteArray) -> Bitmap? = ::decodeSmall,
) : Images {
    override fun load(url: String): Bitmap? =
        try {
            decode(download(URL(url))) ?: throw IOException("no picture")
        } catch (error: IOException) {
            leaveOut(error)
        } catch (error: RuntimeException) {
            // The system's HTTP client and decoder throw these too, at addresses, answers and pictures of a certain make.
            leaveOut(error)
        } catch (error: OutOfMemoryError) {
            // It asked for one big piece that was not to be had; nothing else lacks any for that.
            leaveOut(error)
        }

    private fun leaveOut(error: Throwable): Bitmap? {
        Log.i(LOG_TAG, "a notification's picture is left out: $error")
        return null
    }

    private fun download(url: URL): ByteArray {
        val endNs = nanoTime() + TimeUnit.MILLISECONDS.toNanos(totalMs)
        val connection = url.openConnection() as? HttpURLConnection ?: throw IOException("not an http address")
        // The other limits begin anew with each address, redirection and byte. Repeated, since there is nothing to cut while a name is
        // being looked up, which ends by itself.
        val cut = timer.scheduleWithFixedDelay({ cut(connection) }, totalMs, CUT_MS, TimeUnit.MILLISECONDS)
        try {
            connection.connectTimeout = WAIT_MS
            connection.readTimeout = WAIT_MS
            connection.useCaches = false
            if (connection.responseCode != HttpURLConnection.HTTP_OK) throw IOException("status ${connection.responseCode}")
            return read(connection, endNs)
        } finally {
            cut.cancel(false)
            connection.disconnect()
        }
    }

    private fun cut(connection: HttpURLConnection) {
        try {
            connection.disconnect()
        } catch (error: RuntimeException) {
            // It is under way on another thread; a throw here would end the repetition.
            Log.d(LOG_TAG, "a connection that cannot be cut", error)
        }
    }

    private fun read(
        connection: HttpURLConnection,
        endNs: Long,
    ): ByteArray {
        val bytes = ByteArrayOutputStream()
        val buffer = ByteArray(BUFFER_BYTES)
        connection.inputStream.use { stream ->
            while (true) {
                val count = stream.read(buffer)
                if (count < 0) return bytes.toByteArray()
                bytes.write(buffer, 0, count)
                if (bytes.size() > bytesMax) throw IOException("more than $bytesMax bytes")
                if (nanoTime() > endNs) throw IOException("not there after $totalMs ms")
            }
        }
    }

    companion object {
        const val BYTES_MAX: Int = 5 * 1024 * 1024
        const val TOTAL_MS: Long = 20_000
        const val SIDE_MAX: Int = 1_280
        private const val WAIT_MS = 5_000
        private const val CUT_MS = 500L
        private const val BUFFER_BYTES = 16 * 1024

        private val timer = Executors.newSingleThreadScheduledExecutor { Thread(it, "longwire-image-timer").apply { isDaemon = true } }

        /** The power of two by which a side shrinks below [SIDE_MAX]. */
        fun sample(side: Int): Int = generateSequence(1) { it * 2 }.first { side / it <= SIDE_MAX }

        /** At most about the size of a screen, whatever the picture says of itself. */
        private fun decodeSmall(bytes: ByteArray): Bitmap? {
            val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
            BitmapFactory.decodeByteArray(bytes, 0, bytes.size, bounds)
            if (bounds.outWidth <= 0 || bounds.outHeight <= 0) return null
            val options = BitmapFactory.Options().apply { inSampleSize = sample(maxOf(bounds.outWidth, bounds.outHeight)) }
            return BitmapFactory.decodeByteArray(bytes, 0, bytes.size, options)
        }
    }
}
