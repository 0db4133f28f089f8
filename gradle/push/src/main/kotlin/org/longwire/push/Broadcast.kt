package org.longwire.push

import android.content.Context
import android.content.Intent
import android.os.Bundle
import org.longwire.push.core.ActionsJson

/**
 * The broadcasts that the library sends to its own app, and to nobody else: their package is set, and a receiver must hold
 * [permission], whose protection level is `signature`.
 *
 * A receiver of the app's own gets each notification at least once, with its id; [PushReceiver] drops those that are done.
 */
public object Broadcast {
    /** A notification is here: see the extras. */
    public const val ACTION_RECEIVE: String = "org.longwire.push.action.RECEIVE"

    /**
     * A button without a url was pressed: [EXTRA_ID], [EXTRA_ACTION] and, of a reply, [EXTRA_TEXT]. It is sent once for each press, also when
     * the report to the server could not be stored, and not repeated when the process dies meanwhile.
     */
    public const val ACTION_ACTED: String = "org.longwire.push.action.ACTED"

    /**
     * An activity of the app with this action in an intent filter is opened by a tap on a notification without a url, in place of the
     * app's launch activity. Both get the extras of [ACTION_RECEIVE].
     */
    public const val ACTION_OPEN: String = "org.longwire.push.action.OPEN"

    /** String: the notification's id. */
    public const val EXTRA_ID: String = "id"

    /** String: the headline, when it has one. */
    public const val EXTRA_TITLE: String = "title"

    /** String: the text, when it has one. */
    public const val EXTRA_BODY: String = "body"

    /** Bundle of strings: the sender's own fields. */
    public const val EXTRA_DATA: String = "data"

    /** long: when the server accepted it, Unix milliseconds. */
    public const val EXTRA_SENT_AT: String = "sent_at"

    /** long: when this phone stored it, Unix milliseconds of the server's clock. */
    public const val EXTRA_RECEIVED_AT: String = "received_at"

    /** long: when it expires, Unix milliseconds. */
    public const val EXTRA_EXPIRES_AT: String = "expires_at"

    /** String: `min`, `low`, `normal`, `high` or `critical`, when the sender said so. */
    public const val EXTRA_URGENCY: String = "urgency"

    /** long: position in the server's log. */
    public const val EXTRA_SEQ: String = "seq"

    /** String: what opening it leads to. */
    public const val EXTRA_URL: String = "url"

    /** String: a picture's address. */
    public const val EXTRA_IMAGE: String = "image"

    /** String: the group. */
    public const val EXTRA_GROUP: String = "group"

    /** String: the sound. */
    public const val EXTRA_SOUND: String = "sound"

    /** String: the buttons, a JSON array of `{"id", "title", "url"?, "reply"?, "placeholder"?}`. */
    public const val EXTRA_ACTIONS: String = "actions"

    /** String: the user through whose key it came. */
    public const val EXTRA_USER: String = "user"

    /** boolean: whether it replaces the content of a notification that was handed before. */
    public const val EXTRA_IS_UPDATE: String = "is_update"

    /** long: which content of the notification this is; 0 is the first. */
    public const val EXTRA_REVISION: String = "revision"

    /** int: the how-manieth hand-over this is. */
    public const val EXTRA_ATTEMPT: String = "attempt"

    /** boolean: whether it is shown now or never. */
    public const val EXTRA_IS_ONCE: String = "is_once"

    /** String: the pressed button's id. */
    public const val EXTRA_ACTION: String = "action"

    /** String: the text of a reply. */
    public const val EXTRA_TEXT: String = "text"

    /** The permission that guards the broadcasts of this app: `<application id>.permission.LONGWIRE_RECEIVE`. */
    @JvmStatic
    public fun permission(context: Context): String = "${context.packageName}.permission.LONGWIRE_RECEIVE"

    /** The notification in a broadcast of [ACTION_RECEIVE], or in the intent that opened an activity; `null` when there is none. */
    @JvmStatic
    public fun notification(intent: Intent): PushNotification? {
        val id = intent.getStringExtra(EXTRA_ID) ?: return null
        return PushNotification(
            id = id,
            seq = intent.getLongExtra(EXTRA_SEQ, 0),
            title = intent.getStringExtra(EXTRA_TITLE),
            body = intent.getStringExtra(EXTRA_BODY),
            data = strings(intent.getBundleExtra(EXTRA_DATA)),
            url = intent.getStringExtra(EXTRA_URL),
            image = intent.getStringExtra(EXTRA_IMAGE),
            group = intent.getStringExtra(EXTRA_GROUP),
            sound = intent.getStringExtra(EXTRA_SOUND),
            urgency = intent.getStringExtra(EXTRA_URGENCY),
            actions = ActionsJson.parse(intent.getStringExtra(EXTRA_ACTIONS)),
            user = intent.getStringExtra(EXTRA_USER),
            sentAt = intent.getLongExtra(EXTRA_SENT_AT, 0),
            receivedAt = intent.getLongExtra(EXTRA_RECEIVED_AT, 0),
            expiresAt = intent.getLongExtra(EXTRA_EXPIRES_AT, 0),
            isUpdate = intent.getBooleanExtra(EXTRA_IS_UPDATE, false),
            revision = intent.getLongExtra(EXTRA_REVISION, 0),
            attempt = intent.getIntExtra(EXTRA_ATTEMPT, 0),
            isOnce = intent.getBooleanExtra(EXTRA_IS_ONCE, false),
        )
    }

    /** Puts a notification into an intent, as [notification] reads it. */
    internal fun put(
        intent: Intent,
        notification: PushNotification,
    ): Intent =
        intent.apply {
            putExtra(EXTRA_ID, notification.id)
            putExtra(EXTRA_SEQ, notification.seq)
            putOptional(EXTRA_TITLE, notification.title)
            putOptional(EXTRA_BODY, notification.body)
            putExtra(EXTRA_DATA, bundle(notification.data))
            putOptional(EXTRA_URL, notification.url)
            putOptional(EXTRA_IMAGE, notification.image)
            putOptional(EXTRA_GROUP, notification.group)
            putOptional(EXTRA_SOUND, notification.sound)
            putOptional(EXTRA_URGENCY, notification.urgency)
            putOptional(EXTRA_ACTIONS, ActionsJson.format(notification.actions))
            putOptional(EXTRA_USER, notification.user)
            putExtra(EXTRA_SENT_AT, notification.sentAt)
            putExtra(EXTRA_RECEIVED_AT, notification.receivedAt)
            putExtra(EXTRA_EXPIRES_AT, notification.expiresAt)
            putExtra(EXTRA_IS_UPDATE, notification.isUpdate)
            putExtra(EXTRA_REVISION, notification.revision)
            putExtra(EXTRA_ATTEMPT, notification.attempt)
            putExtra(EXTRA_IS_ONCE, notification.isOnce)
        }

    internal fun received(
        context: Context,
        notification: PushNotification,
    ): Intent = put(own(context, ACTION_RECEIVE), notification)

    internal fun acted(
        context: Context,
        id: String,
        action: String,
        text: String?,
    ): Intent = own(context, ACTION_ACTED).putExtra(EXTRA_ID, id).putExtra(EXTRA_ACTION, action).apply { putOptional(EXTRA_TEXT, text) }

    private fun own(
        context: Context,
        action: String,
    ): Intent = Intent(action).setPackage(context.packageName).addFlags(Intent.FLAG_RECEIVER_FOREGROUND)

    private fun Intent.putOptional(
        name: String,
        value: String?,
    ) {
        if (value != null) putExtra(name, value)
    }

    private fun bundle(data: Map<String, String>): Bundle =
        Bundle().apply {
            for ((key, value) in data) putString(key, value)
        }

    private fun strings(bundle: Bundle?): Map<String, String> =
        bundle
            ?.keySet()
            .orEmpty()
            .mapNotNull { key -> bundle?.getString(key)?.let { key to it } }
            .toMap()
}
