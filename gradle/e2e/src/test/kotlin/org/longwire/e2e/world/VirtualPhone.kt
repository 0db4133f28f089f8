package org.longwire.e2e.world

import org.json.JSONException
import org.json.JSONObject
import java.io.File
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.concurrent.thread

/** Another phone of the same app: `longwire-device`, which is the same core without Android. */
class VirtualPhone(
    server: Server,
    data: File,
) : AutoCloseable {
    private val process: Process
    private val printed = CopyOnWriteArrayList<JSONObject>()

    init {
        val command = listOf(Binaries.path("longwire-device"), "--server", server.address, "--direct-tls", "--ca", server.certificateFile)
        process =
            ProcessBuilder(command + listOf("--data-dir", data.path))
                .redirectError(ProcessBuilder.Redirect.to(File(data.path + ".log")))
                .start()
        Runtime.getRuntime().addShutdownHook(Thread { process.destroyForcibly() })
        thread(isDaemon = true) { process.inputStream.bufferedReader().forEachLine(::note) }
    }

    /** Its device id, once it is online. */
    fun awaitOnline(): String =
        await("virtual phone online", seen = {
            printed
        }) { printed.firstOrNull { it.optString("state") == "online" } }.getString("id")

    /** Waits until it shows a notification. */
    fun awaitShown(id: String) {
        awaitThat("notification $id on the virtual phone", seen = { printed }) {
            printed.any { it.optJSONObject("notification")?.optString("id") == id }
        }
    }

    /** Its person dismisses a notification. */
    fun dismiss(id: String) {
        process.outputStream.write("0 dismiss $id\n".toByteArray())
        process.outputStream.flush()
    }

    override fun close() {
        process.destroyForcibly().waitFor()
    }

    private fun note(line: String) {
        try {
            printed += JSONObject(line)
        } catch (_: JSONException) {
            printed += json("said" to line)
        }
    }
}
