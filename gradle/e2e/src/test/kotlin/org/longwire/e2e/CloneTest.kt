package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.death.Lives
import org.longwire.e2e.world.Child
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.stays
import org.longwire.push.PushState
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.io.File
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals

/** A phone of which all was copied, also what no backup reaches: the copy runs at the same time, in a process of its own. */
@RunWith(RobolectricTestRunner::class)
@Config(sdk = [Config.TARGET_SDK])
class CloneTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone

    @Test
    fun `of two copies of a phone one becomes another installation, and both stay online`() {
        val device = phone.online().device
        val clone = clone()
        phone.startService(null)
        phone.awaitOnline()
        live(clone) {
            assertEquals(device, afterConflict())
        }
        live(clone) {
            val other = afterConflict()
            assertNotEquals(device, other)
            val connections = stage.road.connections
            stays("online, both of them") {
                stage.road.connections == connections && listOf(device, other).all { stage.api.device(it).getBoolean("online") }
            }
            phone.awaitPush(stage.api.send("device:$other", "title" to "For this one"))
        }
    }

    /** The device that it is after its next start, which does not wait: a start is somebody's wish. */
    private fun afterConflict(): String {
        phone.awaitState("conflict") { state -> (state as? PushState.Waiting)?.takeIf { it.reason == "conflict" } }
        phone.killProcess()
        phone.startService(null)
        return phone.awaitOnline().device
    }

    private fun clone(): Lives {
        phone.killProcess()
        val storage = stage.newFolder("clone")
        phone.app.noBackupFilesDir.copyRecursively(File(storage, "no_backup"))
        return Lives(storage, stage.server)
    }

    /** The copy is online while [meanwhile] happens. */
    private fun live(
        clone: Lives,
        meanwhile: () -> Unit,
    ) {
        val end = File(stage.newFolder("end-${System.nanoTime()}"), "end")
        clone.live(Child.levels.last(), 0, "until" to end.path) {
            meanwhile()
            end.createNewFile()
        }
    }
}
