package org.longwire.push

import androidx.annotation.ColorInt
import androidx.annotation.DrawableRes

/**
 * What an app tells the library once. It is remembered (in the folder that backups do not reach), so that a boot or a restart after
 * the process was killed needs no word from the app.
 *
 * The constructor throws [PushException] (`isConfig`) for a server, a domain, an app key or a heartbeat that can never be right. What takes
 * more to read, the domain's characters, pins, certificates and their keys, is said when the library begins: [PushState.Blocked], `config`.
 */
public data class PushConfig
    @JvmOverloads
    constructor(
        /**
         * The server: `push.example.com`, at the standard port of [tls], or `host:port`. SRV records are not asked for. Names are ASCII: an
         * internationalised one is written in punycode, `xn--…`.
         */
        public val server: String,
        /**
         * The app's key, where the server registers only with one; `null`: none. It is public: it ships in the APK, and an API key, which must
         * never be there, is refused.
         */
        public val appKey: String? = null,
        /** The XMPP domain, which is also the name on the server's certificate; `null`: the host of [server]. */
        public val domain: String? = null,
        /** Whose certificates are trusted. */
        public val trust: Trust = Trust.System,
        /** How TLS begins. */
        public val tls: Tls = Tls.AUTOMATIC,
        /**
         * Whether the library puts notifications on the screen; `false`: the app does, from its [PushReceiver], and says so with
         * `runBlocking { Push.displayed(id) }`: [PushReceiver.onPush] is not on the main thread, so it may wait.
         */
        public val showsNotifications: Boolean = true,
        /** The small icon of all notifications, a drawable of the app; 0: the library's own. */
        @param:DrawableRes public val icon: Int = 0,
        /** The accent colour of all notifications; 0: the system's. */
        @param:ColorInt public val color: Int = 0,
        /** The title of the foreground service's notification; `null`: the app's name. */
        public val serviceTitle: String? = null,
        /** The text of the foreground service's notification; `null`: the library's own. */
        public val serviceText: String? = null,
        /** A fixed heartbeat in seconds, up to a day, for tests; `null`: the library learns one per network. */
        public val heartbeatSeconds: Int? = null,
        /** What the phone shows of itself where the server asks for certificates of phones; `null`: nothing. */
        public val clientCertificate: ClientCertificate? = null,
    ) {
        internal val address: ServerAddress = ServerAddress.parse(server)

        init {
            if (domain != null && domain.isBlank()) throw PushException.config("the domain is empty")
            if (appKey != null) checkAppKey(appKey)
            if (heartbeatSeconds != null && heartbeatSeconds !in 1..HEARTBEAT_MAX_S) {
                throw PushException.config("not a heartbeat: $heartbeatSeconds s; write 1 to $HEARTBEAT_MAX_S, or null to have one learnt")
            }
        }

        /** Without the app's key, and without the client certificate. */
        override fun toString(): String = "PushConfig(server=$server, domain=${domain ?: address.host}, trust=$trust, tls=$tls)"

        private companion object {
            const val HEARTBEAT_MAX_S = 86_400

            /** As the core does when it is told a key; but one that is running already would tell nobody. The key is not repeated here. */
            fun checkAppKey(key: String) {
                val word = key.trim()
                if (word.startsWith("lw_")) {
                    throw PushException.config("an API key must never be in an app: `longwire app key create` makes an app key, lwa_…")
                }
                if (word.isEmpty() || word.any(Char::isISOControl)) {
                    throw PushException.config("not an app key: it is one word, lwa_…, from `longwire app key create`; write null for none")
                }
            }
        }
    }

/** How TLS begins. There is no way without it. */
public enum class Tls {
    /** By STARTTLS at port 5222, from the first byte everywhere else. */
    AUTOMATIC,

    /** From the first byte. */
    DIRECT,

    /** By STARTTLS. */
    START_TLS,
}

/** Whose certificates are trusted. */
public sealed interface Trust {
    /** What the system trusts, as the app's network security configuration says. */
    public data object System : Trust

    /** These certificates alone, PEM: a private authority's, or the server's own. */
    public data class Certificates(
        /** One or more PEM blocks. */
        public val pem: String,
    ) : Trust {
        /** Without the certificates. */
        override fun toString(): String = "Certificates"
    }

    /**
     * The one server whose certificate or key has this SHA-256. Neither the certificate's name nor its dates are looked at.
     *
     * ```sh
     * openssl x509 -in certificate.pem -noout -fingerprint -sha256   # of the certificate: what is behind the =
     * openssl x509 -in certificate.pem -noout -pubkey | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64   # of its key
     * ```
     *
     * There is one pin, and no second one to change over to. A pin of the key holds as long as renewed certificates keep that key. For a change
     * of keys let the app trust the old and the new certificate at once, with [Certificates], before the server changes.
     */
    public data class Pin(
        /**
         * SHA-256 of the server's own certificate (its DER) or of its public key (the DER of its SubjectPublicKeyInfo), never of an
         * authority's: 64 hexadecimal digits with or without colons, or base64 with or without `sha256/` before it. Anything else blocks the
         * connection ([PushState.Blocked], `config`).
         */
        public val sha256: String,
    ) : Trust
}
