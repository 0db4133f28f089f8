package org.longwire.e2e

import android.app.Notification
import android.app.RemoteInput
import android.content.Intent
import android.os.Bundle
import org.json.JSONObject
import org.junit.Rule
import org.junit.Test
import org.junit.runner.RunWith
import org.longwire.e2e.host.HostReceiver
import org.longwire.e2e.world.Pictures
import org.longwire.e2e.world.Stage
import org.longwire.e2e.world.VirtualPhone
import org.longwire.e2e.world.await
import org.longwire.e2e.world.awaitThat
import org.longwire.e2e.world.idleMain
import org.longwire.e2e.world.objects
import org.longwire.e2e.world.text
import org.longwire.e2e.world.title
import org.robolectric.RobolectricTestRunner
import kotlin.test.assertEquals
import kotlin.test.assertNotNull

/** What a notification can be beyond title and text, and what becomes of one that is on the screen. */
@RunWith(RobolectricTestRunner::class)
class ContentTest {
    @get:Rule
    val stage = Stage()

    private val phone get() = stage.phone

    @Test
    fun `an update replaces what is on the screen and is told to the app`() {
        phone.online()
        val id = stage.api.send("all", "title" to "Train", "body" to "On time", "data" to mapOf("line" to "7"))
        phone.awaitPush(id)
        stage.api.update(id, "body" to "Ten minutes late")
        val push = phone.awaitPush(id) { it.isUpdate }
        assertEquals(listOf("Train", "Ten minutes late"), listOf(push.title, push.body))
        assertEquals("Ten minutes late", phone.screen.single().notification.text)
    }

    @Test
    fun `a recalled notification goes from the screen`() {
        val device = phone.online().device
        val id = stage.api.send("all", "title" to "Wrong number")
        phone.awaitShown("Wrong number")
        stage.api.recall(id)
        awaitThat("empty screen") { phone.screen.isEmpty() }
        stage.api.awaitDelivery(id, device, "recalled")
    }

    @Test
    fun `what is swiped away here is dismissed for the sender`() {
        val device = phone.online().device
        val id = stage.api.send("all", "title" to "Door")
        phone.swipe(phone.awaitShown("Door"))
        stage.api.awaitDelivery(id, device, "dismissed")
    }

    @Test
    fun `what is dismissed on another phone of the user goes from this screen`() {
        val device = phone.online().device
        VirtualPhone(stage.server, stage.newFolder("other")).use { other ->
            for (one in listOf(device, other.awaitOnline())) stage.api.bind(one, "alice")
            val id = stage.api.send("user:alice", "title" to "Tea is ready")
            phone.awaitShown("Tea is ready")
            other.awaitShown(id)
            other.dismiss(id)
            awaitThat("empty screen") { phone.screen.isEmpty() }
        }
    }

    @Test
    fun `a button is told to the sender and to the app`() {
        val device = phone.online().device
        val id = stage.api.send("all", "title" to "Door", "actions" to listOf(mapOf("id" to "open", "title" to "Open it")))
        val button = phone.awaitShown("Door").notification.actions.single()
        assertEquals("Open it", button.title.toString())
        button.actionIntent.send()
        val told = stage.api.awaitDelivery(id, device, "an action") { (it.optJSONArray("actions")?.length() ?: 0) > 0 }
        assertEquals("open", told.getJSONArray("actions").objects().single().getString("action"))
        assertEquals("opened", told.getString("state"))
        awaitThat("word to the app") { HostReceiver.actions == listOf(Triple(id, "open", null)) }
    }

    @Test
    fun `a reply is told to the sender with its text`() {
        val device = phone.online().device
        val reply = mapOf("id" to "answer", "title" to "Answer", "reply" to true, "placeholder" to "Your answer")
        val id = stage.api.send("all", "title" to "Lunch?", "actions" to listOf(reply))
        val button = phone.awaitShown("Lunch?").notification.actions.single()
        type(button, "At noon")
        val told = stage.api.awaitDelivery(id, device, "a reply") { (it.optJSONArray("actions")?.length() ?: 0) > 0 }
        val action: JSONObject = told.getJSONArray("actions").objects().single()
        assertEquals(listOf("answer", "At noon"), listOf(action.getString("action"), action.getString("text")))
    }

    @Test
    fun `a picture is shown when it is there`() {
        Pictures().use { pictures ->
            phone.online()
            stage.api.send("all", "title" to "Camera", "image" to pictures.address)
            val shown =
                await("picture", seen = { phone.screen.map { it.notification.extras.keySet() } }) {
                    phone.screen.firstOrNull { it.notification.extras.containsKey(Notification.EXTRA_PICTURE) }
                }
            assertEquals("Camera", shown.notification.title)
            assertEquals(1, pictures.requests)
        }
    }

    @Test
    fun `notifications of a group stand under one summary`() {
        phone.online()
        for (title in listOf("First", "Second")) stage.api.send("all", "title" to title, "group" to "chat:7")
        awaitThat("two notifications and a summary", seen = { phone.screen.map { it.notification.title } }) { phone.screen.size == 3 }
        val (summaries, members) = phone.screen.map { it.notification }.partition { it.flags and Notification.FLAG_GROUP_SUMMARY != 0 }
        assertEquals(listOf("chat:7"), summaries.map { it.group })
        assertEquals(listOf("chat:7", "chat:7"), members.map { it.group })
    }

    /** What the system does with a text that was typed into a notification. */
    private fun type(
        button: Notification.Action,
        text: String,
    ) {
        val input = assertNotNull(button.remoteInputs).single()
        assertEquals("Your answer", input.label.toString())
        val filled = Intent()
        RemoteInput.addResultsToIntent(arrayOf(input), filled, Bundle().apply { putCharSequence(input.resultKey, text) })
        button.actionIntent.send(phone.app, 0, filled)
        idleMain()
    }
}
