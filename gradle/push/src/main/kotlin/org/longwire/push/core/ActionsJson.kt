package org.longwire.push.core

import org.json.JSONArray
import org.json.JSONException
import org.json.JSONObject
import org.longwire.push.PushAction

/** Buttons as the JSON of the broadcast, in the words of the HTTP API. */
internal object ActionsJson {
    /** `null` when there are none. */
    fun format(actions: List<PushAction>): String? {
        if (actions.isEmpty()) return null
        val array = JSONArray()
        for (action in actions) {
            val json = JSONObject().put("id", action.id).put("title", action.title)
            action.url?.let { json.put("url", it) }
            if (action.isReply) json.put("reply", true)
            action.placeholder?.let { json.put("placeholder", it) }
            array.put(json)
        }
        return array.toString()
    }

    /** What is no list of buttons holds none. */
    fun parse(text: String?): List<PushAction> =
        try {
            if (text == null) emptyList() else parse(JSONArray(text))
        } catch (_: JSONException) {
            emptyList()
        }

    private fun parse(array: JSONArray): List<PushAction> =
        (0 until array.length()).map { index ->
            val json = array.getJSONObject(index)
            PushAction(
                id = json.getString("id"),
                title = json.getString("title"),
                url = json.string("url"),
                isReply = json.optBoolean("reply"),
                placeholder = json.string("placeholder"),
            )
        }
}

/** A string field, `null` when it is absent or null. */
internal fun JSONObject.string(name: String): String? = if (isNull(name)) null else getString(name)
