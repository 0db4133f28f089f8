package org.longwire.push

import kotlinx.coroutines.runBlocking
import org.junit.Test
import org.longwire.push.process.PushProcess
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertFalse
import kotlin.test.assertNull
import kotlin.test.assertTrue

/** The calls of [Push] that ask the core. */
class PushCallsTest : PushTest() {
    @Test
    fun `users, topics and tags go to the server in its words`() =
        runBlocking {
            val core = running()
            core.calls.clear()
            assertEquals("alice", Push.login("token"))
            Push.subscribe("news/berlin")
            Push.unsubscribe("news/berlin")
            Push.addTag("beta")
            Push.removeTag("beta")
            assertEquals(listOf("user:alice"), Push.memberships())
            Push.logout()
            val expected =
                listOf(
                    "login token",
                    "join topic:news/berlin",
                    "leave topic:news/berlin",
                    "join tag:beta",
                    "leave tag:beta",
                    "memberships",
                    "logout",
                )
            assertEquals(expected, core.calls.toList())
        }

    @Test
    fun `a call right after the start does not wait for the service`() =
        runBlocking {
            Push.configure(app, config)
            Push.start()
            assertEquals("alice", Push.login("token"))
            assertEquals(listOf("network", "start", "login token"), core.calls.toList())
        }

    @Test
    fun `a call without a start starts nothing`(): Unit =
        runBlocking {
            Push.configure(app, config)
            assertEquals(PushException.Kind.STOPPED, assertFailsWith<PushException> { Push.memberships() }.kind)
            assertFalse(core.isStarted)
        }

    @Test
    fun `a refusal keeps its condition and what it means`(): Unit =
        runBlocking {
            running().refusal = PushException(PushException.Kind.REFUSED, "the token expired", "not-authorized", requiresLogin = true)
            val error = assertFailsWith<PushException> { Push.login("old") }
            assertTrue(error.requiresLogin && !error.isRetryable && !error.isConfig)
            assertEquals("not-authorized", error.condition)
        }

    @Test
    fun `the inbox is there without a start, after the process died, and tells what came meanwhile`() =
        runBlocking {
            val core = running()
            core.handed("n-1", true)
            core.dismissed("n-2")
            kill()
            Push.attach(app)
            assertEquals(listOf("n-1" to "done", "n-2" to "closed"), Push.inbox().map { it.notification.id to it.state })
            assertEquals("done", Push.inboxItem("n-1")?.state)
            assertNull(Push.inboxItem("never"))
            assertFalse(this@PushCallsTest.core.isStarted)
        }

    @Test
    fun `an app's own screens report too, and clear the notification`() =
        runBlocking {
            val presenter = FakePresenter()
            PushProcess.components = PushComponents(presenter = { presenter })
            val core = running()
            Push.opened("n-1")
            Push.dismissed("n-2")
            Push.acted("n-3", "ok", "text")
            assertTrue(core.calls.containsAll(listOf("opened n-1", "dismissed n-2", "acted n-3 ok text")))
            assertEquals(listOf("remove n-1", "remove n-2", "remove n-3"), presenter.calls.toList())
        }

    @Test
    fun `an app that shows notifications itself says which are on the screen, also in a new process`(): Unit =
        runBlocking {
            running(config.copy(showsNotifications = false))
            Push.displayed("n-1")
            assertTrue("displayed n-1" in core.calls)
            kill()
            Push.attach(app)
            Push.displayed("n-2")
            assertEquals(listOf("displayed n-2"), core.calls.toList(), "it needs no connection")
            core.refusal = PushException(PushException.Kind.REFUSED, "no such notification", "item-not-found")
            assertEquals("item-not-found", assertFailsWith<PushException> { Push.displayed("never") }.condition)
        }

    @Test
    fun `who the device is, is known while the core is open`() {
        assertNull(Push.device)
        running()
        assertEquals("d-1" to "alice", Push.device to Push.user)
    }

    @Test
    fun `without a configuration every call says so`() =
        runBlocking {
            assertTrue(assertFailsWith<PushException> { Push.inbox() }.isConfig)
            Push.attach(app)
            assertTrue(assertFailsWith<PushException> { Push.inbox() }.isConfig)
            assertTrue((Push.state.value as PushState.Blocked).reason == "config")
        }
}
