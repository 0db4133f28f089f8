package org.androidpn.client

import android.content.Context
import android.util.Log
import java.util.Properties

/** What `res/raw/androidpn.properties` says, with the original's defaults for what it does not say. */
internal data class ClientProperties(
    val apiKey: String,
    val xmppHost: String,
    val xmppPort: Int,
    val server: ServerOptions,
) {
    companion object {
        private const val FILE = "res/raw/androidpn.properties"
        private const val PORT_MAX = 65_535

        /** Reads the host app's file; an absent one is logged and means the defaults, as it did before. */
        fun load(context: Context): ClientProperties {
            val id = context.resources.getIdentifier("androidpn", "raw", context.packageName)
            if (id == 0) {
                Log.e(LogUtil.makeLogTag(ServiceManager::class.java), "there is no $FILE: the defaults are used")
                return of(Properties())
            }
            val properties = Properties()
            context.resources.openRawResource(id).use(properties::load)
            return of(properties)
        }

        /** Throws [IllegalArgumentException] when the port or a choice is not one: a typing error in a file that ships in the app. */
        fun of(properties: Properties): ClientProperties {
            fun text(
                key: String,
                default: String,
            ) = properties.getProperty(key, default).trim()

            fun optional(key: String) = text(key, "").ifEmpty { null }

            val port = text("xmppPort", "5222")
            return ClientProperties(
                apiKey = text("apiKey", ""),
                xmppHost = text("xmppHost", "127.0.0.1"),
                xmppPort =
                    port.toIntOrNull()?.takeIf { it in 1..PORT_MAX }
                        ?: throw IllegalArgumentException("$FILE: xmppPort is '$port', which is not a port"),
                server = ServerOptions(optional("xmppDomain"), optional("xmppTls"), optional("certificatePin")),
            )
        }
    }
}
