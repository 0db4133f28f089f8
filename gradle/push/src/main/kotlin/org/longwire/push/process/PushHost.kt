package org.longwire.push.process

import android.content.Context
import android.util.Log
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.SupervisorJob
import kotlinx.coroutines.async
import kotlinx.coroutines.cancel
import kotlinx.coroutines.flow.MutableStateFlow
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.sync.Mutex
import kotlinx.coroutines.sync.withLock
import kotlinx.coroutines.withTimeoutOrNull
import org.longwire.push.HeartbeatAlarm
import org.longwire.push.NetworkMonitor
import org.longwire.push.NotificationPresenter
import org.longwire.push.PushComponents
import org.longwire.push.PushConfig
import org.longwire.push.PushException
import org.longwire.push.PushState
import org.longwire.push.PushStore
import org.longwire.push.core.Core
import org.longwire.push.core.CoreFactory
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.platform.ProcessPlace
import org.longwire.push.platform.WakeLocks
import java.util.concurrent.atomic.AtomicReference

/** The library within one process: the core, and what surrounds it. */
internal class PushHost(
    val context: Context,
    private val components: PushComponents,
    private val coreFactory: CoreFactory,
    private val states: MutableStateFlow<PushState>,
) {
    val settings: Settings = Settings(context)
    val service: ServiceStarter = ServiceStarter(context)
    val network: NetworkMonitor by lazy { components.network(context) }
    val presenter: NotificationPresenter by lazy { components.presenter(context) }
    val screen: Screen = Screen(context) { presenter.takeIf { shows() } }
    private val alarm: HeartbeatAlarm by lazy { components.alarm(context) }
    private val watchdog = Watchdog(context)
    private val scope = CoroutineScope(SupervisorJob() + Dispatchers.IO)
    private val mutex = Mutex()

    /** How long a push waits for what the core knows of it; the app's receiver has the rest of its time. */
    @Volatile
    var patienceMs: Long = 4_000

    /** Held while the app's wish is looked at and carried out, so that the newest wish is the last one carried out. */
    private val wish = Any()
    private val place = ProcessPlace(context)

    @Volatile
    private var opened: Opened? = null

    /** Why the native library does not load: in this process it never will, so that it is not tried again. */
    @Volatile
    private var unloadable: PushException? = null

    @Volatile
    private var isRunning = false

    private class Opened(
        var config: PushConfig,
        val core: Core,
        private val store: PushStore,
        private val handover: Handover,
        private val answering: AtomicReference<Core?>,
    ) {
        fun close() {
            // A broadcast of this core may still be answered; no other core knows its notification.
            answering.set(null)
            core.close()
            handover.close()
            store.close()
        }
    }

    /** The core, while there is one; it is not opened for this. */
    val coreIfOpen: Core? get() = opened?.core

    /** Remembers a configuration; a running core that has another one is replaced. */
    fun configure(config: PushConfig) {
        settings.change { it.copy(config = config) }
        launch("configure") { adopt() }
    }

    /** Begins, and remembers that the app wants it. */
    fun start(): Unit =
        synchronized(wish) {
            settings.change { it.copy(isWanted = true) }
            resume()
        }

    /** Begins when the app wants it: a process, a boot, a look of the watchdog. */
    fun resume(): Unit =
        synchronized(wish) {
            if (!settings.values.isWanted || settings.values.config == null) return
            watchdog.watch()
            // Where the system refuses the service, the core runs as long as the process does.
            if (!service.start() || service.isUp) runSoon()
        }

    /** The app came to the foreground, where the system lets the service start. */
    fun cameToForeground() {
        if (!service.isUp) resume()
    }

    fun runSoon(): Unit = launch("start") { run() }

    /** Remembers that the app wants it no more, and ends politely in the background. */
    fun stop() {
        place.check()
        settings.change { it.copy(isWanted = false) }
        Background.run(context, null, "stop") { end() }
    }

    suspend fun run() {
        if (place.isForeign) return
        inTurn {
            if (isRunning || !settings.values.isWanted) return@inTurn
            val core = open().core
            network.start(core::networkChanged)
            core.start()
            isRunning = true
        }
    }

    suspend fun alarmFired() {
        if (!settings.values.isWanted) return
        if (!isRunning || !service.isUp) resume()
        run()
        withTimeoutOrNull(WakeLocks.MAX_MS) { core().alarmFired() }
    }

    /** The core, opened for what a person did or an app asks while nothing runs. */
    suspend fun core(): Core {
        place.check()
        return inTurn { open().core }
    }

    /** Whether everybody is done with a notification; `null` when the core does not tell in time, so that one that hangs holds up no push. */
    suspend fun isDone(id: String): Boolean? = withTimeoutOrNull(patienceMs) { core().isDone(id) }

    /** The core, running where the app wants it, for what needs the server: the service may not have come to it yet. */
    suspend fun runningCore(): Core {
        run()
        return core()
    }

    /** Takes a notification from the screen, and settles its group. */
    suspend fun clear(id: String): Unit = screen.clear(id)

    /** The service ended, or its task was removed, and nobody asked for that. */
    fun serviceEnded() {
        if (settings.values.isWanted) watchdog.lookSoon()
    }

    /** Lets everything go as the end of the process would. */
    fun abandon() {
        scope.cancel()
        runBlocking { scope.coroutineContext.job.join() }
        network.stop()
        opened?.close()
        opened = null
        screen.close()
    }

    private suspend fun end() {
        inTurn {
            if (settings.values.isWanted) return@inTurn
            isRunning = false
            try {
                network.stop()
                opened?.core?.stop()
            } finally {
                alarm.cancel()
                release()
            }
        }
    }

    /** Lets go of what brings the library back, unless the app wants it again. */
    private fun release(): Unit =
        synchronized(wish) {
            if (settings.values.isWanted) return
            watchdog.cancel()
            service.stop()
            states.value = PushState.Idle
        }

    /** Makes what is remembered true of what is open; of several changes, the newest is in force whichever comes here last. */
    private suspend fun adopt() {
        val isGone =
            inTurn {
                val former = opened ?: return@inTurn false
                val config = settings.values.config ?: return@inTurn false
                if (former.config.appKey != config.appKey) former.core.setAppKey(config.appKey)
                if (CoreConfigs.isSameServer(former.config, config)) {
                    former.config = config
                    return@inTurn false
                }
                network.stop()
                former.core.stop()
                former.close()
                opened = null
                isRunning = false
                true
            }
        if (isGone) run()
    }

    private fun open(): Opened =
        opened ?: try {
            unloadable?.let { throw it }
            create().also { opened = it }
        } catch (error: PushException) {
            if (error.kind == PushException.Kind.LIBRARY) unloadable = error
            states.value = stateOf(error)
            throw error
        }

    /**
     * Does one thing after the other, on the host's own threads: a caller's thread may be busy, or never be heard of again, while everybody
     * else waits for it to let go. The caller may go; what was begun goes on.
     */
    private suspend fun <T> inTurn(block: suspend () -> T): T = scope.async { mutex.withLock { block() } }.await()

    private fun create(): Opened {
        val config = settings.values.config ?: throw PushException.config("Push.configure was not called")
        val store = store(config)
        val answering = AtomicReference<Core?>()
        val handover = Handover(context, screen, answering::get)
        try {
            val platform = HostPlatform(store, alarm, handover, states)
            val core = coreFactory.create(CoreConfigs.of(context, config), platform)
            answering.set(core)
            return Opened(config, core, store, handover, answering)
        } catch (error: PushException) {
            handover.close()
            store.close()
            throw error
        }
    }

    private fun store(config: PushConfig): PushStore =
        try {
            components.store(context, CoreConfigs.storeName(config))
        } catch (error: RuntimeException) {
            throw PushException(PushException.Kind.STORAGE, "cannot open the store: ${error.message}", cause = error)
        }

    private fun shows(): Boolean = settings.values.config?.showsNotifications != false

    /** The state of a library whose core did not open. */
    private fun stateOf(error: PushException): PushState {
        val text = error.message.orEmpty()
        return when (error.kind) {
            PushException.Kind.CONFIG -> PushState.Blocked("config", text)
            PushException.Kind.LIBRARY -> PushState.Blocked("library", text)
            PushException.Kind.STORAGE -> PushState.Waiting(null, "storage", text)
            else -> PushState.Waiting(null, "internal", text)
        }
    }

    private fun launch(
        what: String,
        block: suspend () -> Unit,
    ) {
        scope.launch {
            try {
                block()
            } catch (error: PushException) {
                Log.e(LOG_TAG, "cannot $what", error)
            }
        }
    }
}
