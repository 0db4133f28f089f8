package org.androidpn.client

import android.app.Notification
import android.app.NotificationChannel
import android.app.NotificationManager
import android.content.Context
import android.os.Build
import androidx.annotation.RequiresApi
import org.longwire.push.PushNotification

/**
 * Sound and vibration as the preferences say. From Android 8 on a channel decides both, and no app can change it once it is made: so there
 * is one for each combination, made when it is first needed. A push with an urgency or a sound of its own goes the library's way.
 */
internal class SettingsChannels(
    private val context: Context,
) {
    /** The channel for a notification; null where the library has the right one. */
    fun of(
        notification: PushNotification,
        preferences: ClientPreferences,
    ): String? {
        val isPlain = notification.urgency in PLAIN_URGENCY && notification.sound in PLAIN_SOUND
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O || !isPlain) return null
        val hasSound = preferences.isSoundEnabled && notification.sound != NO_SOUND
        return Api26.channel(context, hasSound, preferences.isVibrateEnabled)
    }

    /** The same before Android 8, where the notification itself says it. */
    @Suppress("DEPRECATION")
    fun adaptLegacy(
        builder: Notification.Builder,
        notification: PushNotification,
        preferences: ClientPreferences,
    ) {
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O || notification.urgency in QUIET_URGENCY) return
        var defaults = Notification.DEFAULT_LIGHTS
        if (preferences.isSoundEnabled && notification.sound in AUDIBLE_SOUND) defaults = defaults or Notification.DEFAULT_SOUND
        if (preferences.isVibrateEnabled) defaults = defaults or Notification.DEFAULT_VIBRATE
        builder.setDefaults(defaults)
    }

    @RequiresApi(26)
    private object Api26 {
        fun channel(
            context: Context,
            hasSound: Boolean,
            hasVibration: Boolean,
        ): String {
            val (name, label) = Combination.of(hasSound, hasVibration)
            val id = PREFIX + name
            val channel = NotificationChannel(id, context.getString(label), NotificationManager.IMPORTANCE_DEFAULT)
            channel.enableLights(true)
            channel.enableVibration(hasVibration)
            if (!hasSound) channel.setSound(null, null)
            context.getSystemService(NotificationManager::class.java)?.createNotificationChannel(channel)
            return id
        }
    }

    private object Combination {
        fun of(
            hasSound: Boolean,
            hasVibration: Boolean,
        ): Pair<String, Int> =
            when {
                hasSound && hasVibration -> "sound.vibrate" to R.string.androidpn_channel_sound_vibrate
                hasSound -> "sound" to R.string.androidpn_channel_sound
                hasVibration -> "vibrate" to R.string.androidpn_channel_vibrate
                else -> "silent" to R.string.androidpn_channel_silent
            }
    }

    companion object {
        /** Begins as the library's own do, so that its health report finds a channel that the user blocked. */
        const val PREFIX: String = "longwire.push.androidpn."

        private val PLAIN_URGENCY = setOf(null, "normal")
        private val QUIET_URGENCY = setOf("min", "low")
        private val AUDIBLE_SOUND = setOf(null, "default")

        private const val NO_SOUND = "none"
        private val PLAIN_SOUND = AUDIBLE_SOUND + NO_SOUND
    }
}
