package org.longwire.push.process

import android.content.Context
import android.util.AtomicFile
import android.util.Log
import org.json.JSONException
import org.json.JSONObject
import org.longwire.push.PushConfig
import org.longwire.push.PushException
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.SqlitePushStore
import java.io.File
import java.io.FileNotFoundException
import java.io.IOException

/** What the app told the library, remembered for processes that the app did not begin. */
internal class Settings(
    context: Context,
) {
    /** What is remembered; replaced as a whole. */
    data class Values(
        val config: PushConfig? = null,
        /** Whether the app started the library and did not stop it. */
        val isWanted: Boolean = false,
    )

    private val json = ConfigJson(context.resources)
    private val file = AtomicFile(File(SqlitePushStore.folder(context), FILE))
    private var known: Values? = null

    @get:Synchronized
    val values: Values
        get() = known ?: read().also { known = it }

    /** Changes what is remembered, and answers what was there before. */
    @Synchronized
    fun change(change: (Values) -> Values): Values {
        val former = values
        val next = change(former)
        if (next != former) {
            known = next
            write(next)
        }
        return former
    }

    private fun read(): Values =
        try {
            parse(JSONObject(String(file.readFully())))
        } catch (_: FileNotFoundException) {
            Values()
        } catch (error: IOException) {
            forgotten(error)
        } catch (_: JSONException) {
            // Its message repeats the whole text, and with it keys.
            forgotten(JSONException("the file is damaged"))
        } catch (error: PushException) {
            forgotten(error)
        }

    private fun parse(text: JSONObject): Values = Values(text.optJSONObject("config")?.let(json::read), text.optBoolean("isWanted"))

    /** The app configures anew when it is opened. */
    private fun forgotten(error: Exception): Values {
        Log.e(LOG_TAG, "the remembered configuration cannot be read", error)
        return Values()
    }

    private fun write(values: Values) {
        val text = JSONObject().put("version", 1).put("isWanted", values.isWanted)
        values.config?.let { text.put("config", json.write(it)) }
        try {
            val stream = file.startWrite()
            try {
                stream.write(text.toString().toByteArray())
                file.finishWrite(stream)
            } catch (error: IOException) {
                file.failWrite(stream)
                throw error
            }
        } catch (error: IOException) {
            Log.e(LOG_TAG, "cannot remember the configuration", error)
        }
    }

    private companion object {
        const val FILE = "settings.json"
    }
}
