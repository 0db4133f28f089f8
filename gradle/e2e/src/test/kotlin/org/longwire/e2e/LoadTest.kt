package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Stage
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import org.robolectric.shadows.ShadowLog
import java.io.File
import kotlin.test.assertEquals

/** Who loads the native library: the virtual machine where it finds it, which a phone's does, and JNA where it does not. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [34])
class LoadTest {
    @get:Rule
    val stage = Stage()

    @Test
    fun `the virtual machine loads the library where it finds it`() {
        stage.phone.online()
        stage.phone.awaitPush(stage.api.send("all", "title" to "Door"))
        val isFound = System.getProperty("java.library.path").split(File.pathSeparator).any { File(it, "liblongwire_push.so").exists() }
        val isByJnaAlone = ShadowLog.getLogsForTag("longwire").any { "by JNA alone" in it.msg }
        assertEquals(isFound, !isByJnaAlone)
    }
}
