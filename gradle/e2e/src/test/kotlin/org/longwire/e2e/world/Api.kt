package org.longwire.e2e.world

import org.json.JSONArray
import org.json.JSONObject
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers

/** An answer of the HTTP API. */
class Answer(
    val status: Int,
    val body: JSONObject,
)

/** The HTTP API, as a back-end uses it. */
class Api(
    val address: String,
    val key: String,
) {
    /** Sends a notification; its id. */
    fun send(
        to: String,
        vararg fields: Pair<String, Any?>,
    ): String {
        val answer = call("POST", "/v1/notifications", json("to" to to, *fields))
        check(answer.status == 202) { "POST /v1/notifications: ${answer.status} ${answer.body}" }
        return answer.body.getString("id")
    }

    /** Changes what is shown of a notification. */
    fun update(
        id: String,
        vararg fields: Pair<String, Any?>,
    ) {
        val answer = call("PATCH", "/v1/notifications/$id", json(*fields))
        check(answer.status == 202) { "PATCH: ${answer.status} ${answer.body}" }
    }

    /** Takes a notification back. */
    fun recall(id: String) {
        val answer = call("DELETE", "/v1/notifications/$id")
        check(answer.status in 200..299) { "DELETE: ${answer.status} ${answer.body}" }
    }

    /** Binds a device to a user. */
    fun bind(
        device: String,
        user: String,
    ) {
        val answer = call("PUT", "/v1/devices/$device/user", json("user" to user))
        check(answer.status in 200..299) { "PUT user: ${answer.status} ${answer.body}" }
    }

    /** Puts a device into a topic. */
    fun join(
        device: String,
        topic: String,
    ) {
        val answer = call("PUT", "/v1/devices/$device/topics/$topic")
        check(answer.status in 200..299) { "PUT topic: ${answer.status} ${answer.body}" }
    }

    /** What is known of a device. */
    fun device(id: String): JSONObject = call("GET", "/v1/devices/$id").body

    /** All devices. */
    fun devices(): List<JSONObject> = call("GET", "/v1/devices").body.getJSONArray("items").objects()

    /** What became of a notification on one device; `null` while it is not in the audience. */
    fun delivery(
        id: String,
        device: String,
    ): JSONObject? {
        val items = call("GET", "/v1/notifications/$id/deliveries").body.optJSONArray("items") ?: return null
        return items.objects().firstOrNull { it.getString("device") == device }
    }

    /** Waits until a notification stands in [state] on a device; its delivery then. */
    fun awaitDelivery(
        id: String,
        device: String,
        state: String,
    ): JSONObject = awaitDelivery(id, device, state) { it.getString("state") == state }

    /** Waits until its delivery on a device is as asked. */
    fun awaitDelivery(
        id: String,
        device: String,
        what: String,
        condition: (JSONObject) -> Boolean,
    ): JSONObject {
        var last: JSONObject? = null
        return await("delivery of $id with: $what", seen = { last }) {
            last = delivery(id, device)
            last?.takeIf(condition)
        }
    }

    /** Any call. */
    fun call(
        method: String,
        path: String,
        body: JSONObject? = null,
    ): Answer {
        val publisher = body?.let { BodyPublishers.ofString(it.toString()) } ?: BodyPublishers.noBody()
        val request = HttpRequest.newBuilder(URI(address + path)).header("Authorization", "Bearer $key").method(method, publisher).build()
        val response = HTTP.send(request, BodyHandlers.ofString())
        val text = response.body()
        return Answer(response.statusCode(), if (text.isBlank()) JSONObject() else JSONObject(text))
    }

    private companion object {
        val HTTP: HttpClient = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()
    }
}

/** An object of these fields; `null` is JSON's, lists are arrays, pairs of strings in a map are an object. */
fun json(vararg fields: Pair<String, Any?>): JSONObject =
    JSONObject().apply {
        for ((name, value) in fields) put(name, JSONObject.wrap(value))
    }

/** The objects of an array. */
fun JSONArray.objects(): List<JSONObject> = (0 until length()).map(::getJSONObject)
