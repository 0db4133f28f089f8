package org.longwire.e2e.world

import java.io.File
import java.nio.file.Files

/**
 * The native library for the SDK level at hand. Each level's classes are loaded apart, while the system loads a file but once; what
 * Rust remembers of Kotlin (the table of callbacks) must not be that of another level. So each level but the first gets a copy.
 */
object Native {
    private const val NAME = "liblongwire_push.so"
    private const val OVERRIDE = "uniffi.component.longwire_push.libraryOverride"
    private const val TAKEN = "e2e.native.taken"

    private val file: File by lazy {
        val original = File(System.getProperty("jna.library.path"), NAME)
        check(original.exists()) { "there is no $original: build longwire-push-ffi" }
        if (System.setProperty(TAKEN, "true") == null) original else copy(original)
    }

    /** Says where it is, to whoever loads it next. */
    fun choose() {
        System.setProperty(OVERRIDE, file.path)
    }

    private fun copy(original: File): File {
        val folder = Files.createTempDirectory("longwire-native").toFile()
        val copy = original.copyTo(File(folder, NAME))
        copy.deleteOnExit()
        folder.deleteOnExit()
        return copy
    }
}
