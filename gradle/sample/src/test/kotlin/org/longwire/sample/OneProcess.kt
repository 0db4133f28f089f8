package org.longwire.sample

import org.junit.rules.ExternalResource
import java.io.File

/**
 * Each test is a process, as far as the library can see: what it began is over when it ends, before the files and the system that it
 * began with are gone. The levels of Android, whose classes are loaded apart, share one virtual machine: each has a native library of its
 * own, since what Rust remembers of Kotlin (the table of callbacks) must not be that of another level.
 */
class OneProcess : ExternalResource() {
    override fun before() {
        library?.let { System.setProperty("uniffi.component.longwire_push.libraryOverride", it.path) }
    }

    override fun after() = Process.end()

    private companion object {
        const val NAME = "liblongwire_push.so"

        /** `null` where there is none for this host; the library says so then to whoever asks the core. */
        val library: File? by lazy {
            val folder = System.getProperty("jna.library.path") ?: return@lazy null
            val original = File(folder, NAME).takeIf { it.exists() } ?: return@lazy null
            original.copyTo(File.createTempFile("longwire", ".so"), overwrite = true).apply { deleteOnExit() }
        }
    }
}
