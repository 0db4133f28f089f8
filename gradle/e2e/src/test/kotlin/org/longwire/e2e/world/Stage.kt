package org.longwire.e2e.world

import org.junit.rules.ExternalResource
import org.junit.rules.TemporaryFolder
import java.io.File

/** A server, a road to it and a phone, for one test. */
class Stage(
    private vararg val options: String,
    private val environment: Map<String, String> = emptyMap(),
) : ExternalResource() {
    private val folder = TemporaryFolder()
    private val closing = ArrayDeque<AutoCloseable>()

    /** The server. */
    lateinit var server: Server
        private set

    /** The phone's road to it. */
    lateinit var road: Road
        private set

    /** The phone. */
    lateinit var phone: Phone
        private set

    /** What a back-end uses. */
    val api: Api get() = server.api

    /** A folder that is gone after the test. */
    fun newFolder(name: String): File = folder.newFolder(name)

    override fun before() {
        folder.create()
        server = closed(Server(folder.newFolder("data"), *options, environment = environment))
        road = closed(Road(server.address))
        phone = closed(Phone(road.address, server.certificate))
    }

    override fun after() {
        while (closing.isNotEmpty()) closing.removeLast().close()
        folder.delete()
    }

    private fun <T : AutoCloseable> closed(what: T): T = what.also(closing::addLast)
}
