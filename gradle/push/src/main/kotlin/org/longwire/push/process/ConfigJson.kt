package org.longwire.push.process

import android.content.res.Resources
import org.json.JSONObject
import org.longwire.push.ClientCertificate
import org.longwire.push.PushConfig
import org.longwire.push.Tls
import org.longwire.push.Trust
import org.longwire.push.core.string

/** A configuration as the remembered JSON. The icon is remembered by its name: numbers of resources change with the app's version. */
internal class ConfigJson(
    private val resources: Resources,
) {
    fun write(config: PushConfig): JSONObject =
        JSONObject()
            .put("server", config.server)
            .putOpt("appKey", config.appKey)
            .putOpt("domain", config.domain)
            .put("trust", write(config.trust))
            .put("tls", config.tls.name)
            .put("showsNotifications", config.showsNotifications)
            .putOpt("icon", iconName(config.icon))
            .put("color", config.color)
            .putOpt("serviceTitle", config.serviceTitle)
            .putOpt("serviceText", config.serviceText)
            .putOpt("heartbeatSeconds", config.heartbeatSeconds)
            .putOpt("clientCertificate", config.clientCertificate?.let(::write))

    fun read(json: JSONObject): PushConfig =
        PushConfig(
            server = json.getString("server"),
            appKey = json.string("appKey"),
            domain = json.string("domain"),
            trust = readTrust(json.getJSONObject("trust")),
            tls = Tls.entries.firstOrNull { it.name == json.string("tls") } ?: Tls.AUTOMATIC,
            showsNotifications = json.optBoolean("showsNotifications", true),
            icon = json.string("icon")?.let { resources.getIdentifier(it, null, null) } ?: 0,
            color = json.optInt("color"),
            serviceTitle = json.string("serviceTitle"),
            serviceText = json.string("serviceText"),
            heartbeatSeconds = json.optInt("heartbeatSeconds").takeIf { it > 0 },
            clientCertificate = json.optJSONObject("clientCertificate")?.let(::readOwn),
        )

    private fun write(trust: Trust): JSONObject =
        when (trust) {
            Trust.System -> JSONObject().put("kind", "system")
            is Trust.Certificates -> JSONObject().put("kind", "certificates").put("pem", trust.pem)
            is Trust.Pin -> JSONObject().put("kind", "pin").put("sha256", trust.sha256)
        }

    private fun readTrust(json: JSONObject): Trust =
        when (json.getString("kind")) {
            "certificates" -> Trust.Certificates(json.getString("pem"))
            "pin" -> Trust.Pin(json.getString("sha256"))
            else -> Trust.System
        }

    private fun write(own: ClientCertificate): JSONObject = JSONObject().put("certificates", own.certificates).put("key", own.key)

    private fun readOwn(json: JSONObject): ClientCertificate = ClientCertificate(json.getString("certificates"), json.getString("key"))

    private fun iconName(icon: Int): String? =
        try {
            if (icon == 0) null else resources.getResourceName(icon)
        } catch (_: Resources.NotFoundException) {
            null
        }
}
