package org.androidpn.client

import android.content.Context
import android.content.Intent
import org.longwire.push.Push

/**
 * What an androidpn app calls, as before: construct it in the first activity, give it an icon, start.
 *
 * The configuration is `res/raw/androidpn.properties` with the original's `apiKey`, `xmppHost` and `xmppPort`; it names a Longwire server
 * now. Each construction copies it to the preferences, and remembers the activity that the details' Ok leads back to.
 *
 * What differs: the connection outlives the app's process and the phone's reboots; no permission has to be in the app's manifest; the
 * phone registers anew at the Longwire server, and the account in [Constants.XMPP_USERNAME] stays readable and unused.
 *
 * @throws IllegalArgumentException when the port in the file is not one
 */
class ServiceManager(
    context: Context,
) {
    private val context: Context = context.applicationContext ?: context
    private val preferences = ClientPreferences(context)
    private val properties = ClientProperties.load(context)

    init {
        preferences.copy(properties, context)
    }

    /** The small icon of notifications, a drawable of the app. */
    fun setNotificationIcon(iconId: Int) {
        preferences.setIcon(context, iconId)
    }

    /**
     * Connects, and stays connected until [stopService]: also after a reboot, an update of the app, or the end of its process.
     *
     * @throws org.longwire.push.PushException when the properties name no server, or an app key that can be none
     */
    fun startService() {
        Push.configure(context, Server.config(properties, preferences.icon(context)))
        Push.start()
    }

    /** Disconnects, and stays so until [startService]. */
    fun stopService() {
        Push.attach(context)
        Push.stop()
    }

    /** What old code calls without an instance. */
    companion object {
        /** Opens the user's settings. */
        @JvmStatic
        fun viewNotificationSettings(context: Context) {
            val intent = Intent(context, NotificationSettingsActivity::class.java)
            // From something else than an activity Android wants a task for it.
            if (context !is android.app.Activity) intent.addFlags(Intent.FLAG_ACTIVITY_NEW_TASK)
            context.startActivity(intent)
        }
    }
}
