package org.longwire.push.core

import android.util.Log
import kotlinx.coroutines.CancellationException
import org.longwire.push.InboxItem
import org.longwire.push.NetworkFacts
import org.longwire.push.PushException
import org.longwire.push.ffi.PushClient
import org.longwire.push.ffi.NetworkFacts as FfiFacts
import org.longwire.push.ffi.PushException as FfiException

/** Makes cores of the native library. */
internal object FfiCoreFactory : CoreFactory {
    override fun create(
        config: CoreConfig,
        platform: CorePlatform,
    ): Core =
        NativeLibrary.loading {
            meetVirtualMachine()
            FfiCore(translated { PushClient(config.toFfi(), FfiPlatform(platform)) })
        }
}

/** Gives the library the virtual machine and the log, which JNA's own way of loading does not. */
private fun meetVirtualMachine() {
    try {
        System.loadLibrary("longwire_push")
    } catch (error: UnsatisfiedLinkError) {
        // Tests on a host leave it to JNA; where JNA finds it neither, that is said.
        Log.d("longwire", "the library is loaded by JNA alone", error)
    }
}

/** The client core behind UniFFI, in the types of this library. */
internal class FfiCore(
    private val client: PushClient,
) : Core {
    override fun start(): Unit = translated { client.start() }

    override suspend fun stop(): Unit = translated { client.stop() }

    override fun close(): Unit = client.close()

    override fun device(): String? = translated { client.device() }

    override fun user(): String? = translated { client.user() }

    override fun serverTimeMs(): Long = translated { client.serverTimeMs().toLong() }

    override fun networkChanged(facts: NetworkFacts): Unit = translated { client.networkChanged(FfiFacts(facts.isUsable, facts.id)) }

    override suspend fun alarmFired(): Unit = translated { client.alarmFired() }

    override fun handed(
        id: String,
        isDisplayed: Boolean,
    ): Unit = translated { client.handed(id, isDisplayed) }

    override fun updated(
        id: String,
        revision: Long,
    ): Unit = translated { client.updated(id, revision.toULong()) }

    override fun removed(id: String): Unit = translated { client.removed(id) }

    override suspend fun displayed(id: String): Unit = translated { client.displayed(id) }

    override suspend fun opened(id: String): Unit = translated { client.opened(id) }

    override suspend fun dismissed(id: String): Unit = translated { client.dismissed(id) }

    override suspend fun acted(
        id: String,
        action: String,
        text: String?,
    ): Unit = translated { client.acted(id, action, text) }

    override suspend fun inbox(
        limit: Int,
        before: String?,
    ): List<InboxItem> = translated { client.inbox(limit.toUInt(), before).map { it.toItem() } }

    override suspend fun inboxItem(id: String): InboxItem? = translated { client.inboxItem(id)?.toItem() }

    override suspend fun isDone(id: String): Boolean = translated { client.isDone(id) }

    override suspend fun login(token: String): String = translated { client.login(token) }

    override suspend fun logout(): Unit = translated { client.logout() }

    override suspend fun join(key: String): Unit = translated { client.join(key) }

    override suspend fun leave(key: String): Unit = translated { client.leave(key) }

    override suspend fun memberships(): List<String> = translated { client.memberships() }

    override fun setAppKey(key: String?): Unit = translated { client.setAppKey(key) }
}

/** Carries out a call of the native library; its failures become this library's. */
private inline fun <T> translated(call: () -> T): T =
    try {
        call()
    } catch (error: FfiException) {
        throw error.toPublic()
    } catch (error: org.longwire.push.ffi.InternalException) {
        throw PushException(PushException.Kind.INTERNAL, "the library failed: ${error.message}", cause = error)
    } catch (error: CancellationException) {
        // An IllegalStateException too, but nobody's failure.
        throw error
    } catch (error: IllegalStateException) {
        // The object is closed: another configuration took its place.
        throw PushException(PushException.Kind.STOPPED, "the client is closed", isRetryable = true, cause = error)
    }
