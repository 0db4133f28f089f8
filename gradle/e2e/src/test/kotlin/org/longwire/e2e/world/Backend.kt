package org.longwire.e2e.world

import org.json.JSONObject
import java.security.KeyPairGenerator
import java.security.Signature
import java.time.Instant
import java.util.Base64

/** The app's back-end, which tells phones whose they are: it signs user tokens with a key that the server knows. */
class Backend(
    api: Api,
) {
    private val keys = KeyPairGenerator.getInstance("RSA").apply { initialize(KEY_BITS) }.generateKeyPair()
    private val id: String

    init {
        val pem = "-----BEGIN PUBLIC KEY-----\n${Base64.getMimeEncoder().encodeToString(keys.public.encoded)}\n-----END PUBLIC KEY-----\n"
        val answer = api.call("POST", "/v1/user-keys", json("public_key" to pem, "label" to "backend"))
        check(answer.status == 201) { "POST /v1/user-keys: ${answer.status} ${answer.body}" }
        id = answer.body.getString("id")
    }

    /** A token for a user of the server `localhost`. */
    fun token(
        user: String,
        expires: Instant = Instant.now().plusSeconds(LIFETIME_S),
    ): String {
        val head = json("alg" to "RS256", "typ" to "JWT", "kid" to id)
        val claims = json("sub" to user, "aud" to "localhost", "exp" to expires.epochSecond)
        val signed = "${part(head)}.${part(claims)}"
        val signature = Signature.getInstance("SHA256withRSA").apply { initSign(keys.private) }
        signature.update(signed.toByteArray())
        return "$signed.${encode(signature.sign())}"
    }

    private fun part(json: JSONObject): String = encode(json.toString().toByteArray())

    private fun encode(bytes: ByteArray): String = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes)

    private companion object {
        const val KEY_BITS = 2048
        const val LIFETIME_S = 600L
    }
}
