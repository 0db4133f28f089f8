package org.longwire.push

import android.content.Context
import kotlinx.coroutines.flow.StateFlow
import kotlinx.coroutines.flow.asStateFlow
import org.longwire.push.health.HealthReader
import org.longwire.push.process.Background
import org.longwire.push.process.PushHost
import org.longwire.push.process.PushProcess

/** The library's version. */
internal const val VERSION = "0.1.0"

/**
 * The library's front door. [configure] and [start] once, best in `Application.onCreate`; from then on the phone receives, also after
 * reboots and after its process was killed. No call needs an activity.
 */
public object Push {
    /** The version of the library. */
    @JvmStatic
    public val version: String get() = VERSION

    /** Where the connection stands. */
    @JvmStatic
    public val state: StateFlow<PushState> = PushProcess.states.asStateFlow()

    /** The parts that are used. Set them in `Application.onCreate`, before anything else of the library is called. */
    @JvmStatic
    public var components: PushComponents
        get() = PushProcess.components
        set(value) {
            PushProcess.components = value
        }

    /** The server's id of this device, once it has one. */
    @JvmStatic
    public val device: String? get() = PushProcess.hostIfAny()?.coreIfOpen?.device()

    /** The app's user that this device is bound to. */
    @JvmStatic
    public val user: String? get() = PushProcess.hostIfAny()?.coreIfOpen?.user()

    /** Tells and remembers the configuration. One that names another server takes the place of a running one. */
    @JvmStatic
    public fun configure(
        context: Context,
        config: PushConfig,
    ): Unit = PushProcess.host(context).configure(config)

    /** Gives the library its context in a process in which the app does not [configure]; what was configured before is in force. */
    @JvmStatic
    public fun attach(context: Context) {
        PushProcess.host(context)
    }

    /** Begins to receive, and goes on to until [stop]. Throws [PushException] when nothing was configured. */
    @JvmStatic
    public fun start() {
        val host = host()
        if (host.settings.values.config == null) throw PushException.config("Push.configure was not called")
        host.start()
    }

    /**
     * Ends the connection politely and stops the service, also for later boots, unless [start] is called again meanwhile. Account, inbox
     * and memberships stay. Throws [PushException] in another process than the library's service.
     */
    @JvmStatic
    public fun stop(): Unit = host().stop()

    /**
     * Binds this device to the app's user whom the token names, and answers the user's name. Waits half a minute for a connection. Throws
     * [PushException]; `requiresLogin` says that the token is not good.
     */
    public suspend fun login(userToken: String): String = host().runningCore().login(userToken)

    /** Unbinds the user. Waits half a minute for a connection. Throws [PushException]. */
    public suspend fun logout(): Unit = host().runningCore().logout()

    /** Subscribes to a topic, where the app allows its devices that. Waits half a minute for a connection. Throws [PushException]. */
    public suspend fun subscribe(topic: String): Unit = host().runningCore().join(TOPIC + topic)

    /** Ends a subscription. Waits half a minute for a connection. Throws [PushException]. */
    public suspend fun unsubscribe(topic: String): Unit = host().runningCore().leave(TOPIC + topic)

    /** Gives this device a tag, where the app allows its devices that. Waits half a minute for a connection. Throws [PushException]. */
    public suspend fun addTag(tag: String): Unit = host().runningCore().join(TAG + tag)

    /** Takes a tag from this device. Waits half a minute for a connection. Throws [PushException]. */
    public suspend fun removeTag(tag: String): Unit = host().runningCore().leave(TAG + tag)

    /** The user, topics and tags of this device as the server has them: `user:…`, `topic:…`, `tag:…`. Throws [PushException]. */
    public suspend fun memberships(): List<String> = host().runningCore().memberships()

    /**
     * What was received, the newest first: at most [limit] (and 200), from before the notification with the id [before]. It works without a
     * connection, and also tells what came while the app was not running. Throws [PushException].
     */
    public suspend fun inbox(
        limit: Int = INBOX_LIMIT,
        before: String? = null,
    ): List<InboxItem> = host().core().inbox(limit, before)

    /** One notification of the inbox, `null` when there is none with that id. Throws [PushException]. */
    public suspend fun inboxItem(id: String): InboxItem? = host().core().inboxItem(id)

    /**
     * The app put a notification on the screen by itself, where [PushConfig.showsNotifications] is `false`; otherwise the library says so.
     * Durable when it returns, and told to the server with the next connection. Throws [PushException].
     */
    public suspend fun displayed(id: String): Unit = host().core().displayed(id)

    /** The person opened a notification in the app's own screens. Durable when it returns. Throws [PushException]. */
    public suspend fun opened(id: String) {
        val host = host()
        host.core().opened(id)
        host.clear(id)
    }

    /** The person dismissed a notification in the app's own screens. Durable when it returns. Throws [PushException]. */
    public suspend fun dismissed(id: String) {
        val host = host()
        host.core().dismissed(id)
        host.clear(id)
    }

    /** The person used a button in the app's own screens. Durable when it returns. Throws [PushException]. */
    public suspend fun acted(
        id: String,
        action: String,
        text: String? = null,
    ) {
        val host = host()
        host.core().acted(id, action, text)
        host.clear(id)
    }

    /** What keeps notifications from arriving, and what mends it. */
    @JvmStatic
    public fun health(): HealthReport = HealthReader(host()).read()

    /** The alarm rang: for a [HeartbeatAlarm] of the app's own. */
    @JvmStatic
    public fun alarmFired(context: Context) {
        val host = PushProcess.host(context)
        Background.run(host.context, null, "alarm") { host.alarmFired() }
    }

    private fun host(): PushHost = PushProcess.hostIfAny() ?: throw PushException.config("Push.configure was not called")

    private const val TOPIC = "topic:"
    private const val TAG = "tag:"
    private const val INBOX_LIMIT = 50
}
