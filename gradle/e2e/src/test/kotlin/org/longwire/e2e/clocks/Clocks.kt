package org.longwire.e2e.clocks

import java.io.File
import java.io.RandomAccessFile

/** The clocks of a process under which `clocks.c` was put. */
class Clocks(
    private val file: File,
) {
    /** The wall clock is wrong by so much. */
    fun setWallWrong(seconds: Long) = write(0, seconds)

    /** The library's timers sleep: their clock stands still from now on. */
    fun sleep() {
        val now = System.nanoTime()
        write(2, now % NANOS)
        write(1, now / NANOS)
    }

    private fun write(
        index: Long,
        value: Long,
    ) {
        RandomAccessFile(file, "rw").use { out ->
            out.seek(index * Long.SIZE_BYTES)
            // The processor's own order of bytes.
            out.writeLong(java.lang.Long.reverseBytes(value))
        }
    }

    companion object {
        private const val NANOS = 1_000_000_000L
        private const val FILE = "CLOCKS_FILE"

        /** Those of this process. */
        fun ofThisProcess(): Clocks = Clocks(File(System.getenv(FILE) ?: error("$FILE names no file")))

        /** Builds `clocks.c` in a folder; what a process needs in its environment. */
        fun environment(folder: File): Map<String, String> {
            val library = File(folder, "clocks.so")
            val source = File(System.getProperty("longwire.root"), "gradle/e2e/src/test/c/clocks.c")
            val compiler =
                ProcessBuilder(
                    "cc",
                    "-O2",
                    "-shared",
                    "-fPIC",
                    "-o",
                    library.path,
                    source.path,
                ).redirectErrorStream(true).start()
            val said = compiler.inputStream.bufferedReader().readText()
            check(compiler.waitFor() == 0) { said }
            val clocks = File(folder, "clocks").apply { writeBytes(ByteArray(3 * Long.SIZE_BYTES)) }
            return mapOf("LD_PRELOAD" to library.path, FILE to clocks.path)
        }
    }
}
