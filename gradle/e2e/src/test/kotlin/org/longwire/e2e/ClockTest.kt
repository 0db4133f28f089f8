package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.rules.TemporaryFolder
import org.junit.runner.RunWith
import org.longwire.e2e.clocks.Clocks
import org.longwire.e2e.clocks.Doze
import org.longwire.e2e.clocks.WrongClock
import org.longwire.e2e.world.Child
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.io.File
import kotlin.reflect.KClass
import kotlin.test.assertEquals

/** Clocks that are wrong or asleep, each in a process of its own. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [Config.TARGET_SDK])
class ClockTest {
    @get:Rule
    val folder = TemporaryFolder()

    @Test
    fun `in Doze the alarm sends the heartbeat`() = passes(Doze::class)

    @Test
    fun `a wall clock that is years off changes nothing but what certificates say`() = passes(WrongClock::class)

    private fun passes(test: KClass<*>) {
        Child(test, Child.levels.last(), File(folder.root, "output"), environment = Clocks.environment(folder.root)).use { child ->
            assertEquals(0, child.await(), child.printed)
        }
    }
}
