package org.longwire.push

/** A notification as the app gets it. */
public data class PushNotification(
    /** Its id, the same wherever it comes up: in the broadcast, the inbox and the server's API. */
    public val id: String,
    /** Position in the server's log; 0 for one that was sent with `ttl: 0`. */
    public val seq: Long = 0,
    /** The headline. */
    public val title: String? = null,
    /** The text. */
    public val body: String? = null,
    /** The sender's own fields. */
    public val data: Map<String, String> = emptyMap(),
    /** What opening it leads to. */
    public val url: String? = null,
    /** A picture to show with it. */
    public val image: String? = null,
    /** Notifications of one group are shown together. */
    public val group: String? = null,
    /** `default`, `none` or the name of a raw resource of the app. */
    public val sound: String? = null,
    /** `min`, `low`, `normal`, `high` or `critical`. */
    public val urgency: String? = null,
    /** The buttons. */
    public val actions: List<PushAction> = emptyList(),
    /** The user through whose key it came, when through no other. */
    public val user: String? = null,
    /** When the server accepted it, Unix milliseconds. */
    public val sentAt: Long = 0,
    /** When this phone stored it, Unix milliseconds of the server's clock. */
    public val receivedAt: Long = 0,
    /** When it expires, Unix milliseconds. */
    public val expiresAt: Long = 0,
    /** Whether it replaces the content of a notification that the app got before. */
    public val isUpdate: Boolean = false,
    /** Which content of the notification this is; 0 is the first. */
    public val revision: Long = 0,
    /** The how-manieth time it is handed over, counted over processes. */
    public val attempt: Int = 0,
    /** Whether it is shown now or never (`ttl: 0`). */
    public val isOnce: Boolean = false,
) {
    /** Without title, body and data, which belong to people. */
    override fun toString(): String = "PushNotification(id=$id, seq=$seq, revision=$revision, attempt=$attempt)"
}

/** A button of a notification. */
public data class PushAction(
    /** Its id, which is reported to the server. */
    public val id: String,
    /** What it says. */
    public val title: String,
    /** What pressing it opens; `null`: nothing is opened, the press is reported and broadcast. */
    public val url: String? = null,
    /** Whether it asks for a text. */
    public val isReply: Boolean = false,
    /** What stands in the empty text field. */
    public val placeholder: String? = null,
)

/** A notification in the inbox, with where it stands. */
public data class InboxItem(
    /** Its content. */
    public val notification: PushNotification,
    /** `stored`, `handed`, `done` or `closed`. What was recalled or has expired is not in the inbox. */
    public val state: String,
)
