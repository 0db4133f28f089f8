package org.longwire.push

import android.app.Activity
import android.content.ActivityNotFoundException
import android.content.Intent
import android.net.Uri
import android.os.Bundle
import android.util.Log
import org.longwire.push.platform.LOG_TAG
import org.longwire.push.process.Background
import org.longwire.push.process.PushHost
import org.longwire.push.process.PushProcess

/**
 * Invisible: reports that a notification was opened and goes on to what it leads to. It is an activity because from Android 12 on neither
 * a receiver nor a service that a tap reaches may open one.
 */
public class OpenActivity : Activity() {
    /** Reports, goes on, and is gone. */
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        val notification = Broadcast.notification(intent)
        if (savedInstanceState == null && notification != null) {
            val action = intent.getStringExtra(Broadcast.EXTRA_ACTION)
            val host = PushProcess.host(this)
            host.screen.closing(notification.id)
            Background.run(host.context, null, "opening") { report(host, notification.id, action) }
            goOn(notification, action)
        }
        finish()
    }

    private suspend fun report(
        host: PushHost,
        id: String,
        action: String?,
    ) {
        try {
            if (action == null) host.core().opened(id) else host.core().acted(id, action, null)
        } finally {
            host.clear(id)
        }
    }

    private fun goOn(
        notification: PushNotification,
        action: String?,
    ) {
        val url = if (action == null) notification.url else notification.actions.firstOrNull { it.id == action }?.url
        val isOpen = url != null && openUrl(url, notification)
        if (!isOpen) openApp(notification)
    }

    /** The app's own links stay in the app; what nobody can open does not open. */
    private fun openUrl(
        url: String,
        notification: PushNotification,
    ): Boolean {
        val uri = Uri.parse(url)
        if (uri.scheme?.lowercase() in REFUSED_SCHEMES) return false
        val intent = Intent(Intent.ACTION_VIEW, uri).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        val own = Broadcast.put(Intent(intent).setPackage(packageName), notification)
        return tryStart(own) || tryStart(intent.addCategory(Intent.CATEGORY_BROWSABLE))
    }

    private fun openApp(notification: PushNotification) {
        val own = Intent(Broadcast.ACTION_OPEN).setPackage(packageName).addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
        if (tryStart(Broadcast.put(own, notification))) return
        val launch = packageManager.getLaunchIntentForPackage(packageName) ?: return
        launch.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK or Intent.FLAG_ACTIVITY_SINGLE_TOP)
        tryStart(Broadcast.put(launch, notification))
    }

    private fun tryStart(intent: Intent): Boolean =
        try {
            startActivity(intent)
            true
        } catch (_: ActivityNotFoundException) {
            false
        } catch (error: SecurityException) {
            Log.w(LOG_TAG, "an activity that may not be opened", error)
            false
        }

    private companion object {
        /** What a sender has no business to open on a phone. */
        val REFUSED_SCHEMES = setOf(null, "file", "content", "javascript", "intent", "android-app", "data")
    }
}
