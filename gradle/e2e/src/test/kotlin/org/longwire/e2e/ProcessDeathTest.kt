package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.longwire.e2e.death.Fate
import org.longwire.e2e.death.Lives
import org.longwire.e2e.death.Step
import org.longwire.e2e.world.Child
import org.longwire.e2e.world.Figures
import org.longwire.e2e.world.Server
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** Processes that die for real, at every step between socket and broadcast. The storage is handed on from one SDK level to the next. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [Config.TARGET_SDK])
class ProcessDeathTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun `whatever step the process dies at, the notification is on the screen once and is told to the app`() {
        Server(folder.newFolder("data")).use { server ->
            val levels = Child.levels
            val lives = Lives(folder.newFolder("phone"), server)
            var settled = ""
            for (step in Step.entries) {
                val level = levels[step.ordinal % levels.size]
                lives.live(level, Fate.DEATH, "step" to step.name, "settled" to settled) {
                    settled = server.api.send("all", "title" to step.name)
                }
            }
            lives.live(levels.last(), 0, "settled" to settled)
            for (step in Step.entries) judge(step, lives.lines)
            measure(lives.lines)
        }
    }

    /** Each life is a JVM that has not run the library before: what it loads first is a part of its start. */
    private fun measure(lines: List<String>) {
        val starts = lines.filter { it.startsWith(ONLINE) }.map { it.removePrefix(ONLINE).toLong() }
        assertEquals(Step.entries.size + 1, starts.size)
        Figures.note("cold start to online (new JVM), registration", "${starts.first()} ms")
        Figures.note("cold start to online (new JVM), account known", "${starts.last()} ms")
        assertTrue(starts.last() < SLOW_MS, "$starts")
    }

    private fun judge(
        step: Step,
        lines: List<String>,
    ) {
        assertEquals(1, lines.count { it == "died $step" }, "the planted death at $step")
        // A hand-over that was not done is done again with the same id, which replaces itself on the screen.
        val shown = lines.filter { it.startsWith("shown $step ") }
        val expected = if (step.isShown && step != Step.HANDED) listOf("shown $step 1", "shown $step 2") else listOf("shown $step 1")
        if (step != Step.ACKNOWLEDGED) assertEquals(expected, shown)
        assertEquals(expected.size, shown.size, "$step: $shown")
        // Over all processes it is one notification of the screen; when it is posted again it makes no sound.
        val posted = lines.filter { it.startsWith("posted $step ") }
        assertEquals(expected.size, posted.size, "$step: $posted")
        assertEquals(1, posted.distinct().size, "$step: $posted")
        assertTrue(posted.all { it.endsWith(" once") }, "$step: $posted")
        assertEquals(if (step == Step.BROADCAST) 2 else 1, lines.count { it == "pushed $step" }, "$step: broadcasts to the app")
    }

    private companion object {
        const val ONLINE = "online after "
        const val SLOW_MS = 20_000
    }
}
