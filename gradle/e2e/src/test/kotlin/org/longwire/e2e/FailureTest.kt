package org.longwire.e2e

import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.host.HostReceiver
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.awaitThat
import org.longwire.push.HeartbeatAlarm
import org.longwire.push.NotificationPresenter
import org.longwire.push.Push
import org.longwire.push.PushComponents
import org.longwire.push.PushException
import org.longwire.push.PushNotification
import org.longwire.push.PushState
import org.longwire.push.PushStore
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertFailsWith
import kotlin.test.assertTrue

/** Parts of the app that fail: an error for the core each time, never a crash, and never taken for success. */
@RunWith(RobolectricTestRunner::class)
class FailureTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone
    private val parts = PushComponents()

    @Volatile
    private var failure: (() -> Nothing)? = null

    @Test
    fun `a store that throws keeps the notification with the server until it works`() =
        storeFails {
            throw IllegalStateException("the disk is full")
        }

    @Test
    fun `a store that dies of an error is not taken for one that has stored`() = storeFails { throw StackOverflowError() }

    @Test
    fun `a store that cannot be read is an exception of the call`() {
        withStore()
        phone.online()
        failure = { throw IllegalStateException("the disk is gone") }
        val error = assertFailsWith<PushException> { phone.calling { Push.inbox() } }
        assertEquals(PushException.Kind.STORAGE, error.kind)
        assertTrue(error.isRetryable)
    }

    @Test
    fun `a presenter that throws does not keep the notification from the app`() {
        val presenter =
            object : NotificationPresenter {
                override fun show(notification: PushNotification): Boolean = throw IllegalStateException("no picture")

                override fun remove(id: String) = throw IllegalStateException("no screen")
            }
        phone.use(PushComponents(presenter = { presenter }))
        val device = phone.online().device
        val id = stage.api.send("all", "title" to "Door")
        phone.awaitPush(id)
        stage.api.awaitDelivery(id, device, "delivered")
    }

    @Test
    fun `alarms that throw do not end the connection`() {
        val alarm =
            object : HeartbeatAlarm {
                override fun set(atElapsedMs: Long) = throw SecurityException("too many alarms")

                override fun cancel() = throw SecurityException("too many alarms")
            }
        phone.use(PushComponents(alarm = { alarm }))
        phone.online()
        phone.awaitPush(stage.api.send("all", "title" to "Door"))
    }

    private fun storeFails(how: () -> Nothing) {
        withStore()
        val device = phone.online().device
        failure = how
        val id = stage.api.send("all", "title" to "Door")
        val waiting = phone.awaitState("wait") { it as? PushState.Waiting }
        assertEquals("storage", waiting.reason)
        assertEquals(0, HostReceiver.received.size)
        failure = null
        phone.networks.switch()
        phone.awaitPush(id)
        awaitThat("one notification on the screen") { phone.screen.size == 1 }
        assertEquals(device, phone.awaitOnline().device)
    }

    private fun withStore() {
        phone.use(PushComponents(store = { context, name -> Failing(parts.store(context, name)) }))
    }

    private inner class Failing(
        private val store: PushStore,
    ) : PushStore by store {
        override fun query(
            sql: String,
            arguments: List<Any?>,
        ): List<List<Any?>> {
            failure?.invoke()
            return store.query(sql, arguments)
        }

        override fun commit() {
            failure?.let {
                store.rollback()
                it()
            }
            store.commit()
        }
    }
}
