package org.androidpn.client

import android.content.Intent
import org.longwire.push.PushNotification

/** What the original's broadcasts and its details screen carry: five strings, never null. */
internal data class Extras(
    val id: String,
    val apiKey: String,
    val title: String,
    val message: String,
    val uri: String,
) {
    /** The intent, with the five extras in it. */
    fun into(intent: Intent): Intent =
        intent
            .putExtra(Constants.NOTIFICATION_ID, id)
            .putExtra(Constants.NOTIFICATION_API_KEY, apiKey)
            .putExtra(Constants.NOTIFICATION_TITLE, title)
            .putExtra(Constants.NOTIFICATION_MESSAGE, message)
            .putExtra(Constants.NOTIFICATION_URI, uri)

    companion object {
        /** What the original would have been sent for a push. */
        fun of(
            push: PushNotification,
            preferences: ClientPreferences,
        ): Extras =
            Extras(
                id = push.id,
                apiKey = preferences.apiKey,
                title = push.title.orEmpty(),
                message = push.body.orEmpty(),
                uri = push.url.orEmpty(),
            )

        /** The five extras of an intent. */
        fun of(intent: Intent): Extras {
            fun text(key: String) = intent.getStringExtra(key).orEmpty()
            return Extras(
                id = text(Constants.NOTIFICATION_ID),
                apiKey = text(Constants.NOTIFICATION_API_KEY),
                title = text(Constants.NOTIFICATION_TITLE),
                message = text(Constants.NOTIFICATION_MESSAGE),
                uri = text(Constants.NOTIFICATION_URI),
            )
        }
    }
}
