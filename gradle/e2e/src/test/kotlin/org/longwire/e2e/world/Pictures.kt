package org.longwire.e2e.world

import com.sun.net.httpserver.HttpServer
import java.awt.image.BufferedImage
import java.io.ByteArrayOutputStream
import java.net.InetAddress
import java.net.InetSocketAddress
import java.util.concurrent.atomic.AtomicInteger
import javax.imageio.ImageIO

/** A web server with one picture. */
class Pictures : AutoCloseable {
    private val counted = AtomicInteger()
    private val server = HttpServer.create(InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0)

    init {
        val png =
            ByteArrayOutputStream()
                .also {
                    ImageIO.write(
                        BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB),
                        "png",
                        it,
                    )
                }.toByteArray()
        server.createContext("/") { exchange ->
            counted.incrementAndGet()
            exchange.sendResponseHeaders(200, png.size.toLong())
            exchange.responseBody.use { it.write(png) }
        }
        server.start()
    }

    /** The picture's address. */
    val address: String = "http://127.0.0.1:${server.address.port}/picture.png"

    /** How often it was asked for. */
    val requests: Int get() = counted.get()

    override fun close() = server.stop(0)

    private companion object {
        const val SIDE = 8
    }
}
