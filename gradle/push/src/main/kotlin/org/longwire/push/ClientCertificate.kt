package org.longwire.push

import android.content.Context
import android.content.res.Resources
import androidx.annotation.RawRes
import java.security.MessageDigest

/**
 * What this phone shows of itself where the server asks for certificates (`client_ca` in its configuration): a certificate, and its private
 * key. A server that asks for none is shown none.
 *
 * ```sh
 * cat device.pem device.key > phone.pem   # for fromPem and fromResource: the certificate, those that lead to its authority, and the key
 * ```
 *
 * The key is PEM and not encrypted: PKCS#8, PKCS#1 or SEC 1; RSA, ECDSA (P-256, P-384) or Ed25519. A key in Android's KeyStore cannot be used, since
 * it never leaves there, and the handshake is made by the library's native part, which signs by itself. What cannot be used is said
 * when the library begins: [PushState.Blocked], `config`.
 *
 * It is remembered with the rest of [PushConfig], in the app's private folder that backups do not reach. What ships in the APK is everybody's who has
 * the APK: it keeps strangers away from the server's login, and tells no phone from another. For that give each phone its own.
 */
public class ClientCertificate(
    /** PEM: the phone's own certificate first, then those that lead to its authority, where there are such. */
    internal val certificates: String,
    /** PEM: the private key of the first of them. */
    internal val key: String,
) {
    /** The same texts; how long that takes tells nothing of the key. */
    override fun equals(other: Any?): Boolean =
        other is ClientCertificate &&
            certificates == other.certificates &&
            MessageDigest.isEqual(key.toByteArray(), other.key.toByteArray())

    /** One for all: it tells nothing of the key, which may stand in either text. */
    override fun hashCode(): Int = ClientCertificate::class.java.name.hashCode()

    /** Without the certificate and its key. */
    override fun toString(): String = "ClientCertificate"

    /** Ways to read one. */
    public companion object {
        /** From one text in PEM with the certificates and the key; what else stands there is passed over. */
        @JvmStatic
        public fun fromPem(pem: String): ClientCertificate = ClientCertificate(pem, pem)

        /** From a raw resource of the app with such a text: `res/raw/phone.pem` is `R.raw.phone`. Throws [PushException] (`isConfig`) without it. */
        @JvmStatic
        public fun fromResource(
            context: Context,
            @RawRes id: Int,
        ): ClientCertificate =
            try {
                fromPem(context.resources.openRawResource(id).use { String(it.readBytes()) })
            } catch (error: Resources.NotFoundException) {
                throw PushException.config("there is no resource with a client certificate: ${error.message}")
            }
    }
}
