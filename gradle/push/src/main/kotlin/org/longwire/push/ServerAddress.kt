package org.longwire.push

/** A server as an app names it: `host` or `host:port`, IPv6 addresses in brackets. */
internal data class ServerAddress(
    val host: String,
    val port: Int?,
) {
    companion object {
        private const val PORT_MAX = 65_535

        fun parse(text: String): ServerAddress {
            val address = if (text.startsWith("[")) bracketed(text) else plain(text)
            if (address.host.isEmpty() || address.host.any { it.isWhitespace() || it in "/@?#" }) refuse(text)
            return address
        }

        private fun bracketed(text: String): ServerAddress {
            val host = text.substring(1).substringBefore(']', "")
            val rest = text.substringAfter(']')
            return when {
                rest.isEmpty() -> ServerAddress(host, null)
                rest.startsWith(":") -> ServerAddress(host, port(rest.substring(1), text))
                else -> refuse(text)
            }
        }

        private fun plain(text: String): ServerAddress =
            when (text.count { it == ':' }) {
                0 -> ServerAddress(text, null)
                1 -> ServerAddress(text.substringBefore(':'), port(text.substringAfter(':'), text))
                else -> refuse(text)
            }

        private fun port(
            digits: String,
            text: String,
        ): Int {
            val port = digits.takeIf { it.all(Char::isDigit) }?.toIntOrNull()?.takeIf { it in 1..PORT_MAX }
            return port ?: refuse(text, ": its port is a number from 1 to $PORT_MAX")
        }

        private fun refuse(
            text: String,
            why: String = "",
        ): Nothing {
            val reason = if ("://" in text) ": it has no scheme and no path" else why
            throw PushException.config("not a server: \"$text\"$reason; write push.example.com or host:port")
        }
    }
}
