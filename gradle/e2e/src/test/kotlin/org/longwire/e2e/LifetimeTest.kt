package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.awaitThat
import org.longwire.push.Push
import org.longwire.push.PushComponents
import org.longwire.push.PushState
import org.longwire.push.PushStore
import org.longwire.push.ffi.InternalException
import org.longwire.push.ffi.selfTestPanic
import org.robolectric.RobolectricTestRunner
import org.robolectric.annotation.Config
import java.io.File
import java.lang.ref.WeakReference
import java.util.concurrent.CopyOnWriteArrayList
import kotlin.test.assertContains
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith

/** Objects that Kotlin and Rust hold of each other. */
@RunWith(RobolectricTestRunner::class)
class LifetimeTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone
    private val parts = PushComponents()

    @Test
    @Config(sdk = [Config.TARGET_SDK])
    fun `a thousand starts and stops leave no thread, no file and no object behind`() {
        val stores = CopyOnWriteArrayList<WeakReference<PushStore>>()
        phone.use(PushComponents(store = { context, name -> Held(parts.store(context, name)).also { stores += WeakReference(it) } }))
        repeat(WARM) { cycle(isUsed = it % USED_EACH_WARM == 0) }
        System.gc()
        val (threads, files) = count("task") to count("fd")
        repeat(CYCLES) { cycle(isUsed = it % USED_EACH == 0) }
        // The last host's own are freed with the next one's.
        awaitThat(
            "end of what was made",
            seen = { "threads $threads, ${count("task")}; files $files, ${count("fd")}; ${alive(stores)} stores" },
        ) {
            System.gc()
            alive(stores) <= 1 && count("task") <= threads + SLACK && count("fd") <= files + SLACK
        }
        assertEquals(WARM + CYCLES, stores.size)
    }

    @Test
    fun `a panic in Rust is an exception, and the library goes on`() {
        phone.online()
        assertContains(assertFailsWith<InternalException> { selfTestPanic() }.message.orEmpty(), "asked to panic")
        phone.awaitPush(stage.api.send("all", "title" to "Still here"))
    }

    private fun cycle(isUsed: Boolean) {
        Push.configure(phone.app, phone.config)
        // Opens the store and starts the core; the service is the system's affair.
        Push.start()
        phone.runService()
        phone.awaitState("a start") { state -> state.takeIf { it !is PushState.Idle } }
        if (isUsed) {
            val device = phone.awaitOnline().device
            val id = stage.api.send("all", "title" to "One of many")
            phone.awaitPush(id)
            // All of it is settled: the next life is owed nothing.
            stage.api.awaitDelivery(id, device, "displayed")
        }
        Push.stop()
        phone.awaitState("a stop") { it as? PushState.Idle }
        phone.killProcess()
    }

    private fun alive(stores: List<WeakReference<PushStore>>): Int = stores.count { it.get() != null }

    private fun count(what: String): Int = File("/proc/self/$what").list().orEmpty().size

    /** A store of its own, so that its end can be seen. */
    private class Held(
        store: PushStore,
    ) : PushStore by store

    private companion object {
        const val CYCLES = 1_000
        const val WARM = 20

        /** Of so many lives one is online, and is sent a push. */
        const val USED_EACH = 50
        const val USED_EACH_WARM = 5

        /** Threads of the JVM's own that come and go. */
        const val SLACK = 5
    }
}
