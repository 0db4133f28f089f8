package org.longwire.sample

import android.content.Context
import org.longwire.push.PushConfig
import org.longwire.push.Trust

/** The server that the screen shows: what was typed there, else what `res/values/config.xml` says. */
class ServerSettings(
    private val context: Context,
) {
    private val file = context.getSharedPreferences("server", Context.MODE_PRIVATE)

    val server: String get() = text("server", R.string.longwire_server)
    val domain: String get() = text("domain", R.string.longwire_domain)
    val appKey: String get() = text("app_key", R.string.longwire_app_key)
    val pin: String get() = text("pin", R.string.longwire_pin)

    /** What the library is told. Throws [org.longwire.push.PushException] when the server cannot be one. */
    fun load(): PushConfig =
        PushConfig(
            server = server,
            appKey = appKey.ifEmpty { null },
            domain = domain.ifEmpty { null },
            trust = if (pin.isEmpty()) Trust.System else Trust.Pin(pin),
            icon = R.drawable.notification,
        )

    fun save(
        server: String,
        domain: String,
        appKey: String,
        pin: String,
    ) {
        file
            .edit()
            .putString("server", server)
            .putString("domain", domain)
            .putString("app_key", appKey)
            .putString("pin", pin)
            .apply()
    }

    private fun text(
        key: String,
        default: Int,
    ): String = (file.getString(key, null) ?: context.getString(default)).trim()
}
