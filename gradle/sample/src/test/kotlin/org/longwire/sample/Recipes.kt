package org.longwire.sample

import android.app.Activity
import android.app.Notification
import android.content.Context
import android.content.SharedPreferences
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import org.longwire.push.ClientCertificate
import org.longwire.push.DefaultNotificationPresenter
import org.longwire.push.Push
import org.longwire.push.PushComponents
import org.longwire.push.PushConfig
import org.longwire.push.PushException
import org.longwire.push.PushNotification
import org.longwire.push.PushReceiver
import org.longwire.push.PushState
import org.longwire.push.Trust

// What docs/android.md quotes beside the app itself: compiled here, so that no snippet rots.

/** Servers and whom to trust. */
object Servers {
    fun withAuthorityOfTheSystem(context: Context) {
        Push.configure(context, PushConfig("push.example.com", appKey = "lwa_…"))
    }

    fun withAuthority(
        context: Context,
        pem: String,
    ) {
        Push.configure(context, PushConfig("10.1.2.3:5223", domain = "push.example.com", trust = Trust.Certificates(pem)))
    }

    fun withCertificateOfThePhone(
        context: Context,
        pem: String,
    ) {
        Push.configure(context, PushConfig("push.example.com", clientCertificate = ClientCertificate.fromPem(pem)))
    }
}

/** The app's own back-end: it knows who is logged in, and signs tokens for the push server. */
interface Backend {
    suspend fun pushToken(): String
}

/** What became of an attempt to bind this phone to the app's user. */
enum class Binding { BOUND, LATER, TOKEN_REFUSED }

/** A user of the app, on this phone. */
class Session(
    private val backend: Backend,
) {
    /** After the app's own login. */
    suspend fun bind(): Binding =
        try {
            Push.login(backend.pushToken())
            Binding.BOUND
        } catch (failure: PushException) {
            // LATER: no connection for half a minute. TOKEN_REFUSED: expired, wrong key or domain, failure.message says which.
            when {
                failure.isRetryable -> Binding.LATER
                failure.requiresLogin -> Binding.TOKEN_REFUSED
                else -> throw failure
            }
        }

    /** Before the app forgets who was logged in. */
    suspend fun unbind() {
        Push.logout()
    }

    suspend fun follow(team: String) {
        Push.subscribe("teams/$team")
        Push.addTag("beta")
        check("topic:teams/$team" in Push.memberships())
    }

    suspend fun unfollow(team: String) {
        Push.unsubscribe("teams/$team")
        Push.removeTag("beta")
    }
}

/** Tells the app's own back-end which device this phone is, whenever it is another one than before. */
class DeviceId(
    private val told: SharedPreferences,
    private val tell: suspend (String) -> Unit,
) {
    suspend fun follow() {
        Push.state.collect { state ->
            if (state is PushState.Online && state.device != told.getString("device", null)) {
                tell(state.device)
                told.edit().putString("device", state.device).apply()
            }
        }
    }
}

/** What came, also while the app did not run. */
class History {
    suspend fun page(before: String?): List<PushNotification> = Push.inbox(limit = 50, before = before).map { it.notification }

    suspend fun read(id: String) {
        Push.opened(id)
    }
}

/** Looks of its own for some notifications, the library's for all else. */
class OrderPresenter(
    context: Context,
) : DefaultNotificationPresenter(context) {
    override fun adapt(
        builder: Notification.Builder,
        notification: PushNotification,
    ) {
        if ("order" in notification.data) builder.setCategory(Notification.CATEGORY_STATUS)
    }
}

/** Put in place before anything else of the library is called. */
object Looks {
    fun choose() {
        Push.components = PushComponents(presenter = ::OrderPresenter)
    }
}

/** Shows pushes in the app's own way, with `PushConfig(showsNotifications = false)`, and says so. */
class OwnScreenReceiver : PushReceiver() {
    override fun onPush(
        context: Context,
        push: PushNotification,
    ) {
        OwnScreen.show(push)
        runBlocking { Push.displayed(push.id) } // onPush is not on the main thread
    }
}

/** Stands for the app's own way. */
object OwnScreen {
    private val shown = mutableListOf<PushNotification>()

    fun show(push: PushNotification) {
        shown += push
    }
}

/** States and health, shown by an app. */
class Status(
    private val activity: Activity,
    private val scope: CoroutineScope,
) {
    fun follow(show: (String) -> Unit) {
        scope.launch {
            Push.state.collect { state ->
                show(
                    when (state) {
                        is PushState.Online -> "connected as ${state.device}"
                        is PushState.Waiting -> state.text
                        is PushState.Blocked -> state.text
                        else -> state.name
                    },
                )
            }
        }
    }

    fun fixWorst(say: (String) -> Unit) {
        val worst = Push.health().problems.firstOrNull { it.fix != null } ?: return
        say("${worst.check}, ${worst.state}: ${worst.sentence}")
        activity.startActivity(worst.fix)
    }
}
