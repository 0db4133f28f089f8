package org.longwire.push.process

import android.content.Context
import kotlinx.coroutines.flow.MutableStateFlow
import org.longwire.push.PushComponents
import org.longwire.push.PushState
import org.longwire.push.core.CoreFactory
import org.longwire.push.core.FfiCoreFactory

/** What lives as long as the process: one host, made by whoever comes first, an activity, a receiver, a service. */
internal object PushProcess {
    val states: MutableStateFlow<PushState> = MutableStateFlow(PushState.Idle)

    @Volatile
    var components: PushComponents = PushComponents()

    @Volatile
    var coreFactory: CoreFactory = FfiCoreFactory

    private var host: PushHost? = null
    private var foreground: Foreground? = null

    @Synchronized
    fun host(context: Context): PushHost =
        host ?: PushHost(context.applicationContext ?: context, components, coreFactory, states).also {
            host = it
            foreground = Foreground(it.context) { it.cameToForeground() }
        }

    @Synchronized
    fun hostIfAny(): PushHost? = host

    /** The process ends, as far as this library can see. */
    fun end() {
        // What is under way may ask for the host until it is over, so the lock is not held meanwhile.
        Background.end()
        val former = takeHost()
        former?.abandon()
        ReceivedIds.end()
        AtWork.end()
        states.value = PushState.Idle
    }

    @Synchronized
    private fun takeHost(): PushHost? =
        host.also {
            foreground?.close()
            foreground = null
            host = null
        }
}
