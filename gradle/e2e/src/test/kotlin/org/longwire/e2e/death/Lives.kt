package org.longwire.e2e.death

import org.longwire.e2e.world.Child
import org.longwire.e2e.world.Server
import org.longwire.e2e.world.awaitThat
import java.io.File

/** Processes of one phone, one after the other, over the same storage. */
class Lives(
    private val storage: File,
    server: Server,
) {
    private val told =
        mapOf("address" to server.address, "certificate" to server.certificateFile, "api" to server.api.address, "key" to server.api.key)
    private val diary = Diary(File(storage, "diary"))

    /** What happened on the phone. */
    val lines: List<String> get() = diary.lines

    /** A process on this SDK level: when it has settled what it was told of, [then] happens, and it ends with this status. */
    fun live(
        sdk: Int,
        status: Int,
        vararg more: Pair<String, String>,
        then: () -> Unit = {},
    ) {
        val life = told + more + ("diary" to File(storage, "diary").path)
        val properties = life.mapKeys { "life.${it.key}" } + ("longwire.e2e.storage" to storage.path)
        val before = settled()
        Child(Life::class, sdk, File(storage, "output"), properties).use { child ->
            awaitThat("settled life with ${more.toMap()}", Child.PATIENCE, { child.printed }) {
                check(child.isAlive || settled() > before) {
                    "a life with ${more.toMap()} on SDK $sdk ended with ${child.await()} after $lines: ${child.printed}"
                }
                settled() > before
            }
            then()
            val ended = child.await()
            check(ended == status) { "a life with ${more.toMap()} ended with $ended: ${child.printed}" }
        }
    }

    private fun settled(): Int = lines.count { it == "settled" }
}
