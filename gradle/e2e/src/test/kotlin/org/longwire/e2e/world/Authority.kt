package org.longwire.e2e.world

import java.io.File
import java.nio.file.Files
import java.security.KeyStore
import java.util.Base64

/** A private authority, and certificates by it for a server and for a phone, made by the JDK's keytool. */
class Authority private constructor(
    private val folder: File,
) {
    private fun make(name: String) {
        keytool("ca", "-genkeypair", "-alias", "key", "-keyalg", "RSA", "-dname", "CN=Private of $name", "-ext", "bc:c")
        issue("server", name, "san=dns:$name")
        issue("phone", "Phone", "eku=clientAuth")
        keytool("trusted", "-importcert", "-noprompt", "-alias", "ca", input = certificate)
        File(folder, "ca.pem").writeText(certificate)
    }

    private fun issue(
        who: String,
        name: String,
        extension: String,
    ) {
        keytool(who, "-genkeypair", "-alias", "key", "-keyalg", "RSA", "-dname", "CN=$name")
        val request = keytool(who, "-certreq", "-alias", "key")
        File(folder, "$who.pem").writeText(keytool("ca", "-gencert", "-alias", "key", "-rfc", "-ext", extension, input = request))
        File(folder, "$who.key").writeText(pem("PRIVATE KEY", store(who).getKey("key", PASSWORD.toCharArray()).encoded))
    }

    /** The authority's certificate (PEM). */
    val certificate: String get() = pem("CERTIFICATE", store("ca").getCertificate("key").encoded)

    /** What a server needs to show the certificate. */
    val environment: Map<String, String>
        get() =
            mapOf(
                "LONGWIRE_CERTIFICATE" to File(folder, "server.pem").path,
                "LONGWIRE_CERTIFICATE_KEY" to File(folder, "server.key").path,
            )

    /** What a server needs to ask clients for certificates by this authority. */
    val clientEnvironment: Map<String, String> get() = mapOf("LONGWIRE_CLIENT_CA" to File(folder, "ca.pem").path)

    /** The certificate that a phone shows to such a server (PEM). */
    val phoneCertificate: String get() = File(folder, "phone.pem").readText()

    /** The key of the phone's certificate (PEM). */
    val phoneKey: String get() = File(folder, "phone.key").readText()

    /** The system trusts the authority while [block] runs, as when a person installed it. */
    fun trustedBySystem(block: () -> Unit) {
        System.setProperty(TRUST, File(folder, "trusted.p12").path)
        System.setProperty(TRUST + "Password", PASSWORD)
        try {
            block()
        } finally {
            System.clearProperty(TRUST)
            System.clearProperty(TRUST + "Password")
        }
    }

    private fun store(name: String): KeyStore =
        KeyStore.getInstance("PKCS12").apply { File(folder, "$name.p12").inputStream().use { load(it, PASSWORD.toCharArray()) } }

    private fun pem(
        what: String,
        bytes: ByteArray,
    ): String = "-----BEGIN $what-----\n${Base64.getMimeEncoder(64, "\n".toByteArray()).encodeToString(bytes)}\n-----END $what-----\n"

    private fun keytool(
        store: String,
        vararg arguments: String,
        input: String = "",
    ): String {
        val program = File(System.getProperty("java.home"), "bin/keytool").path
        val where = listOf("-keystore", File(folder, "$store.p12").path, "-storetype", "PKCS12", "-storepass", PASSWORD)
        val errors = File(folder, "errors")
        val process = ProcessBuilder(listOf(program) + arguments + where).redirectError(errors).start()
        process.outputStream.use { it.write(input.toByteArray()) }
        val printed = process.inputStream.bufferedReader().readText()
        check(process.waitFor() == 0) { "keytool ${arguments.joinToString(" ")}: $printed ${errors.readText()}" }
        return printed
    }

    companion object {
        private const val PASSWORD = "changeit"
        private const val TRUST = "javax.net.ssl.trustStore"

        /** The folder of the authorities of this JVM: keytool takes its time, and each SDK level has a class of this name of its own. */
        private const val MADE = "longwire.e2e.authorities"

        /** The authority whose server has this name; it is made once in a JVM. */
        fun of(name: String): Authority {
            val made = System.getProperty(MADE)?.let(::File) ?: Files.createTempDirectory("longwire-authority").toFile().also(::keep)
            val folder = File(made, name)
            val authority = Authority(folder)
            if (folder.mkdir()) authority.make(name)
            return authority
        }

        private fun keep(folder: File) {
            System.setProperty(MADE, folder.path)
            Runtime.getRuntime().addShutdownHook(Thread { folder.deleteRecursively() })
        }
    }
}
