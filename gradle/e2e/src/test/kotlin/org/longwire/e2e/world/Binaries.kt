package org.longwire.e2e.world

import java.io.File

/** The host's programs, as Cargo built them. */
object Binaries {
    private val folder: String = System.getProperty("longwire.binaries") ?: error("-Dlongwire.binaries names the folder of the programs")

    /** Where a program is. */
    fun path(name: String): String {
        val file = File(folder, name)
        check(file.canExecute()) { "there is no $file: cargo build --release --bins" }
        return file.path
    }
}
