package org.longwire.push.screen

import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.util.Log
import org.longwire.push.platform.LOG_TAG
import java.io.ByteArrayOutputStream
import java.io.IOException
import java.net.HttpURLConnection
import java.net.URL
import java.util.concurrent.TimeUnit

/** Gets pictures. Not on the main thread. */
internal fun interface Images {
    /** The picture at an http or https address, `null` when there is none to be had within the limits. */
    fun load(url: String): Bitmap?
}

/** Gets pictures by HTTP: what is too big, too slow or no picture is left out, never waited for. */
internal class HttpImages(
    private val bytesMax: Int = BYTES_MAX,
    private val totalMs: Long = TOTAL_MS,
    private val nanoTime: () -> Long = System::nanoTime,
) : Images {
    override fun load(url: String): Bitmap? =
        try {
            val bytes = download(URL(url))
            decode(bytes) ?: throw IOException("no picture")
        } catch (error: IOException) {
            Log.i(LOG_TAG, "a notification's picture is left out: ${error.message}")
            null
        } catch (error: SecurityException) {
            Log.i(LOG_TAG, "a notification's picture is left out: ${error.message}")
            null
        }

    private fun download(url: URL): ByteArray {
        val endNs = nanoTime() + TimeUnit.MILLISECONDS.toNanos(totalMs)
        val connection = url.openConnection() as? HttpURLConnection ?: throw IOException("not an http address")
        try {
            connection.connectTimeout = WAIT_MS
            connection.readTimeout = WAIT_MS
            connection.useCaches = false
            if (connection.responseCode != HttpURLConnection.HTTP_OK) throw IOException("status ${connection.responseCode}")
            return read(connection, endNs)
        } finally {
            connection.disconnect()
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

    /** At most about the size of a screen, whatever the picture says of itself. */
    private fun decode(bytes: ByteArray): Bitmap? {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        BitmapFactory.decodeByteArray(bytes, 0, bytes.size, bounds)
        if (bounds.outWidth <= 0 || bounds.outHeight <= 0) return null
        val options = BitmapFactory.Options().apply { inSampleSize = sample(maxOf(bounds.outWidth, bounds.outHeight)) }
        return BitmapFactory.decodeByteArray(bytes, 0, bytes.size, options)
    }

    companion object {
        const val BYTES_MAX: Int = 5 * 1024 * 1024
        const val TOTAL_MS: Long = 20_000
        const val SIDE_MAX: Int = 1_280
        private const val WAIT_MS = 5_000
        private const val BUFFER_BYTES = 16 * 1024

        /** The power of two by which a side shrinks below [SIDE_MAX]. */
        fun sample(side: Int): Int = generateSequence(1) { it * 2 }.first { side / it <= SIDE_MAX }
    }
}
