package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.world.Backend
import org.longwire.e2e.world.Stage
import org.longwire.push.Push
import org.longwire.push.PushException
import org.robolectric.RobolectricTestRunner
import java.time.Instant
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Whose the phone is, and what it subscribes to, by its own word. */
@RunWith(RobolectricTestRunner::class)
class MembershipTest {
    @get:Rule
    val stage = Stage(environment = mapOf("LONGWIRE_DEVICE_TOPICS" to "news/*", "LONGWIRE_DEVICE_TAGS" to "beta"))

    private val phone get() = stage.phone

    @Test
    fun `a user token binds the phone to the user until it logs out`() {
        val device = phone.online().device
        assertEquals("alice", phone.calling { Push.login(Backend(stage.api).token("alice")) })
        assertEquals("alice", Push.user)
        assertEquals("alice", phone.awaitPush(stage.api.send("user:alice", "title" to "For Alice")).user)
        phone.calling { Push.logout() }
        assertTrue(stage.api.device(device).isNull("user"))
    }

    @Test
    fun `a token whose time is over asks for another login`() {
        phone.online()
        val old = Backend(stage.api).token("alice", Instant.now().minusSeconds(600))
        val error = assertFailsWith<PushException> { phone.calling { Push.login(old) } }
        assertTrue(error.requiresLogin, error.message)
        assertEquals("not-authorized", error.condition)
    }

    @Test
    fun `what the phone subscribed to reaches it, and no longer when it left`() {
        phone.online()
        phone.calling { Push.subscribe("news/sport") }
        phone.calling { Push.addTag("beta") }
        assertEquals(setOf("topic:news/sport", "tag:beta"), phone.calling { Push.memberships() }.toSet())
        for (to in listOf("topic:news/sport", "tag:beta")) phone.awaitPush(stage.api.send(to, "title" to to))
        phone.calling { Push.unsubscribe("news/sport") }
        assertEquals(listOf("tag:beta"), phone.calling { Push.memberships() })
    }

    @Test
    fun `a topic that the app does not allow is refused`() {
        phone.online()
        val error = assertFailsWith<PushException> { phone.calling { Push.subscribe("staff") } }
        assertEquals("forbidden", error.condition)
    }
}
