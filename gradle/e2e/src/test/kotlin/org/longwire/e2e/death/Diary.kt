package org.longwire.e2e.death

import java.io.File
import java.io.FileOutputStream

/** What happened on the phone, in a file that outlives its processes: each line is on the disk before the next thing happens. */
class Diary(
    private val file: File,
) {
    /** All lines. */
    val lines: List<String> get() = if (file.exists()) file.readLines() else emptyList()

    /** Adds a line. */
    @Synchronized
    fun note(line: String) {
        FileOutputStream(file, true).use { stream ->
            stream.write("$line\n".toByteArray())
            stream.fd.sync()
        }
    }
}
