package org.longwire.e2e.world

import org.junit.runner.JUnitCore
import java.io.File
import java.lang.management.ManagementFactory
import java.time.Duration
import java.util.concurrent.TimeUnit
import kotlin.reflect.KClass

/** A JUnit class in a JVM of its own, with the class path and the options of this one. */
class Child(
    test: KClass<*>,
    sdk: Int,
    private val output: File,
    properties: Map<String, String> = emptyMap(),
    environment: Map<String, String> = emptyMap(),
) : AutoCloseable {
    private val process: Process

    init {
        val builder = ProcessBuilder(command(test, properties + ("robolectric.enabledSdks" to "$sdk")))
        builder.environment() += environment
        process = builder.redirectErrorStream(true).redirectOutput(output).start()
    }

    /** Whether it still runs. */
    val isAlive: Boolean get() = process.isAlive

    /** The last that it printed. */
    val printed: String get() = output.readText().takeLast(PRINTED_MAX)

    /** Waits for its end; its exit status. */
    fun await(): Int {
        check(process.waitFor(PATIENCE.seconds, TimeUnit.SECONDS)) { "it does not end: $printed" }
        return process.exitValue()
    }

    override fun close() {
        process.destroyForcibly().waitFor()
    }

    private fun command(
        test: KClass<*>,
        properties: Map<String, String>,
    ): List<String> {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val kept = System.getProperties().stringPropertyNames().filter { name -> KEPT.any(name::startsWith) }
        val all = kept.associateWith(System::getProperty) + properties
        val options = ManagementFactory.getRuntimeMXBean().inputArguments.filterNot { it.startsWith("-javaagent") || it.startsWith("-D") }
        return listOf(java) + options + all.map { "-D${it.key}=${it.value}" } +
            listOf("-cp", classPath(), JUnitCore::class.java.name, test.java.name)
    }

    companion object {
        /** For so long a process may live: it loads all of Android first. */
        val PATIENCE: Duration = Duration.ofSeconds(90)
        private const val PRINTED_MAX = 8_000
        private val KEPT = listOf("robolectric.", "jna.", "longwire.")

        /** The SDK levels that the build names. */
        val levels: List<Int> get() = System.getProperty("robolectric.enabledSdks").split(",").map { it.trim().toInt() }

        /** Surefire's own class path is one jar that names the rest. */
        private fun classPath(): String = System.getProperty("surefire.test.class.path") ?: System.getProperty("java.class.path")
    }
}
