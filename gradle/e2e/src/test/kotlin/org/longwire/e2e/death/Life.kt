package org.longwire.e2e.death

import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.host.HostApp
import org.longwire.e2e.host.HostReceiver
import org.longwire.e2e.world.Api
import org.longwire.e2e.world.Child
import org.longwire.e2e.world.Phone
import org.longwire.e2e.world.awaitThat
import org.longwire.push.PushComponents
import org.robolectric.RobolectricTestRunner
import org.robolectric.RuntimeEnvironment
import java.io.File

/** One life of the phone's process, in a JVM of its own: no test by itself, [Lives] begins it. */
@RunWith(RobolectricTestRunner::class)
class Life {
    private val diary = Diary(File(told("diary")))
    private val api = Api(told("api"), told("key"))

    @Test
    fun live() {
        val step = System.getProperty("life.step")?.let(Step::valueOf)
        val screen = KeptScreen(RuntimeEnvironment.getApplication(), diary)
        screen.restore()
        val fate = Fate(step, diary, screen) { id -> awaitThat("acknowledgement of $id") { stateOf(id) == "delivered" } }
        val parts = PushComponents()
        HostApp.beforeBroadcast = fate::beforeBroadcast
        Phone(told("address"), File(told("certificate")).readText()).use { phone ->
            HostReceiver.whenPushed = fate::pushed
            phone.use(
                PushComponents(
                    store = { context, name -> fate.over(parts.store(context, name)) },
                    presenter = { context -> fate.over(parts.presenter(context)) },
                ),
            )
            val began = System.nanoTime()
            phone.online()
            diary.note("online after ${(System.nanoTime() - began) / NANOS_IN_MS}")
            for (id in System.getProperty("life.settled").orEmpty().split(",").filter { it.isNotEmpty() }) {
                awaitThat("display of $id", seen = { stateOf(id) }) { stateOf(id) == "displayed" }
            }
            diary.note("settled")
            System.getProperty("life.until")?.let { end -> awaitThat("end", Child.PATIENCE) { File(end).exists() } }
            // A process that is to die does so while it waits here.
            if (step != null) awaitThat("death at $step") { false }
        }
    }

    private fun stateOf(id: String): String = api.call("GET", "/v1/notifications/$id").body.getString("state")

    private fun told(name: String): String = System.getProperty("life.$name") ?: error("life.$name is not told")

    private companion object {
        const val NANOS_IN_MS = 1_000_000
    }
}
