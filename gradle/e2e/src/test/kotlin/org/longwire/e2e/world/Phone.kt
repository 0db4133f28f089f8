package org.longwire.e2e.world

import android.app.Activity
import android.app.Notification
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.BroadcastReceiver
import android.content.Intent
import android.os.Bundle
import android.service.notification.StatusBarNotification
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.runBlocking
import org.longwire.e2e.host.HostApp
import org.longwire.e2e.host.HostReceiver
import org.longwire.push.NotificationService
import org.longwire.push.Push
import org.longwire.push.PushComponents
import org.longwire.push.PushConfig
import org.longwire.push.PushNotification
import org.longwire.push.PushState
import org.longwire.push.Trust
import org.robolectric.Robolectric
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.File
import java.time.Duration
import java.util.concurrent.CopyOnWriteArrayList

/** A phone with the host app on it. What Android does for an app is done here: it runs the service, delivers taps, ends the process. */
class Phone(
    private val address: String,
    private val certificate: String,
) : AutoCloseable {
    /** The app. */
    val app: HostApp = RuntimeEnvironment.getApplication() as HostApp

    private val stores = CopyOnWriteArrayList<Mortal>()

    /** Its networks. */
    val networks = Networks(app)

    private val manager: NotificationManager = app.getSystemService(NotificationManager::class.java)!!
    private var service: NotificationService? = null

    init {
        Native.choose()
        HostReceiver.forget()
        use(PushComponents())
        // As on a phone, what no activity answers to is not opened.
        shadowOf(app).checkActivities(true)
        shadowOf(app).grantPermissions("${app.packageName}.permission.LONGWIRE_RECEIVE", android.Manifest.permission.POST_NOTIFICATIONS)
    }

    /** What the app's configuration says. */
    val config: PushConfig
        get() = PushConfig(server = address, domain = "localhost", trust = Trust.Certificates(certificate), heartbeatSeconds = HEARTBEAT_S)

    /** Where the connection stands. */
    val state: PushState get() = Push.state.value

    /** What is on the screen, without the service's own. */
    val screen: List<StatusBarNotification>
        get() = manager.activeNotifications.filter { it.notification.flags and Notification.FLAG_FOREGROUND_SERVICE == 0 }

    /** The app replaces parts of the library. */
    fun use(parts: PushComponents) {
        Push.components =
            PushComponents(
                store = { context, name -> Mortal(parts.store(context, name)).also(stores::add) },
                network = parts.network,
                alarm = parts.alarm,
                presenter = parts.presenter,
            )
    }

    /** The app begins. */
    fun start(config: PushConfig = this.config) {
        Push.configure(app, config)
        Push.start()
        runService()
    }

    /** The app begins, and is connected. */
    fun online(config: PushConfig = this.config): PushState.Online {
        start(config)
        return awaitOnline()
    }

    /** Waits until it is connected. */
    fun awaitOnline(): PushState.Online = awaitState("being online") { it as? PushState.Online }

    /** Waits for a state. */
    fun <T : PushState> awaitState(
        what: String,
        probe: (PushState) -> T?,
    ): T = await(what, seen = { state }) { probe(state) }

    /** Waits until the next attempt is far off: waits grow with each, and after some it is certain that this one is not over by itself. */
    fun awaitLongWait(): PushState.Waiting =
        await("long wait", patience = LONG_PATIENCE, seen = { state }) {
            (state as? PushState.Waiting)?.takeIf { it.leftMs > LONG_MS }
        }

    /** Waits until the app's receiver was given a notification. */
    fun awaitPush(
        id: String,
        condition: (PushNotification) -> Boolean = { true },
    ): PushNotification =
        await("broadcast of $id", seen = { HostReceiver.received.toList() }) {
            HostReceiver.received.firstOrNull { it.id == id && condition(it) }
        }

    /** Waits until a notification with this title is on the screen. */
    fun awaitShown(title: String): StatusBarNotification =
        await("notification \"$title\"", seen = { screen.map { it.notification.title } }) {
            screen.firstOrNull { it.notification.title == title }
        }

    /** The service runs, when the app or the system asked for it. */
    fun runService() {
        val intent = await("start of the service", seen = { state }) { shadowOf(app).nextStartedService }
        startService(intent)
    }

    /** The system starts the service; without an intent it does so again after it killed the process. */
    fun startService(intent: Intent?) {
        val running = service ?: Robolectric.buildService(NotificationService::class.java, intent).create().get()
        service = running
        running.onStartCommand(intent, 0, 1)
    }

    /** The person swipes the app away from the recent ones. */
    fun removeTask() {
        checkNotNull(service) { "no service runs" }.onTaskRemoved(null)
    }

    /** The process is killed: nobody is told. Notifications stay on the screen. */
    fun killProcess() {
        for (store in stores) store.die()
        stores.clear()
        service = null
        ProcessEnd.forget()
    }

    /** The app's data are in another folder; `null`: where they were at first. */
    fun moveTo(folder: File?) {
        HostApp.storage = folder
    }

    /** The person taps it, and lands in what it opens. */
    fun tap(shown: StatusBarNotification): Intent = follow(shown.notification.contentIntent)

    /** The person swipes it away. */
    fun swipe(shown: StatusBarNotification) {
        manager.cancel(shown.tag, shown.id)
        shown.notification.deleteIntent.send()
        idleMain()
    }

    /** An intent that opens an activity is followed through the library's own activity to where it leads. */
    fun follow(intent: PendingIntent): Intent {
        intent.send()
        idleMain()
        val first = checkNotNull(shadowOf(app).nextStartedActivity) { "no activity was opened" }
        val activity = Class.forName(first.component!!.className).asSubclass(Activity::class.java)
        Robolectric.buildActivity(activity, first).create(null as Bundle?)
        return checkNotNull(shadowOf(app).nextStartedActivity) { "$first led nowhere" }
    }

    /** The system tells a receiver of the manifest something. */
    fun tell(
        receiver: Class<out BroadcastReceiver>,
        action: String,
    ) {
        app.sendBroadcast(Intent(action).setClass(app, receiver))
        idleMain()
    }

    /** Calls the library from a thread of its own, while the main thread goes on. */
    fun <T : Any> calling(call: suspend () -> T): T =
        runBlocking {
            val answer = async(Dispatchers.IO) { call() }
            await("answer") { answer.takeIf { it.isCompleted } }.await()
        }

    /** The app stops, and its process ends. */
    override fun close() {
        killProcess()
        HostReceiver.forget()
        moveTo(null)
        Push.components = PushComponents()
    }

    private companion object {
        const val HEARTBEAT_S = 30
        const val LONG_MS = 3_000
        val LONG_PATIENCE: Duration = Duration.ofSeconds(60)
    }
}

/** Until the next attempt. */
val PushState.Waiting.leftMs: Long get() = (untilElapsedMs ?: 0) - BootClock.now()

/** The headline on the screen. */
val Notification.title: String? get() = extras.getCharSequence(Notification.EXTRA_TITLE)?.toString()

/** The text on the screen. */
val Notification.text: String? get() = extras.getCharSequence(Notification.EXTRA_TEXT)?.toString()
