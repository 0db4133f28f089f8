package org.longwire.e2e.world

import org.json.JSONObject
import java.io.File
import java.security.MessageDigest
import java.security.cert.CertificateFactory
import java.util.concurrent.TimeUnit

/** A real `longwire serve` on a data directory of its own and free ports of the loopback interface. It dies with this JVM at the latest. */
class Server(
    private val data: File,
    private vararg val options: String,
    private val environment: Map<String, String> = emptyMap(),
) : AutoCloseable {
    private lateinit var process: Process
    private lateinit var ready: JSONObject
    private val apiKey: String
    private val log = File(data.path + ".log")

    init {
        start("127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0")
        apiKey = ready.getString("api_key")
    }

    /** Host and port for clients with direct TLS. */
    val address: String get() = ready.getString("c2s_tls")

    /** Host and port for clients that begin with STARTTLS. */
    val startTlsAddress: String get() = ready.getString("c2s")

    /** Its certificate (PEM), which it made itself. */
    val certificate: String get() = File(certificateFile).readText()

    /** Where that is. */
    val certificateFile: String get() = ready.getString("certificate")

    /** SHA-256 of its public key. */
    val pin: String
        get() {
            val shown = File(certificateFile).inputStream().use { CertificateFactory.getInstance("X.509").generateCertificate(it) }
            return MessageDigest.getInstance("SHA-256").digest(shown.publicKey.encoded).joinToString("") { "%02x".format(it) }
        }

    /** Its HTTP API, with every right. */
    val api: Api get() = Api(ready.getString("http"), apiKey)

    /** All that it logged. */
    val logged: String get() = log.readText()

    /** SIGKILL: no chance to tidy up. */
    fun kill() {
        process.destroyForcibly().waitFor()
    }

    /** Starts it again where it was. */
    fun restart() {
        close()
        start(ready.getString("http").substringAfter("://"), ready.getString("c2s"), address)
    }

    /** SIGTERM, and SIGKILL when it does not end. */
    override fun close() {
        process.destroy()
        if (!process.waitFor(PATIENCE.seconds, TimeUnit.SECONDS)) kill()
    }

    /** Runs an operator's command; what it printed. */
    fun command(vararg arguments: String): String {
        val command = ProcessBuilder(Binaries.path("longwire"), *arguments, "--data-dir", data.path).redirectErrorStream(true).start()
        val printed = command.inputStream.bufferedReader().readText().trim()
        check(command.waitFor() == 0) { "longwire ${arguments.joinToString(" ")}: $printed" }
        return printed
    }

    private fun start(
        http: String,
        c2s: String,
        c2sTls: String,
    ) {
        val command =
            listOf(Binaries.path("longwire"), "serve", "--data-dir", data.path, "--http", http, "--c2s", c2s, "--c2s-tls", c2sTls) + options
        val builder = ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.appendTo(log))
        builder.environment() += environment
        // What is wrong with a test's own clock is not with the server's.
        builder.environment() -= "LD_PRELOAD"
        process = builder.start()
        val mine = process
        Runtime.getRuntime().addShutdownHook(Thread { mine.destroyForcibly() })
        val line = process.inputStream.bufferedReader().readLine() ?: error("the server ended before it listened:\n$logged")
        ready = JSONObject(line)
    }
}
