package org.longwire.push.screen

import android.app.Notification
import android.app.NotificationManager
import android.content.Context
import android.net.Uri
import android.os.Build
import android.util.Log
import org.longwire.push.R
import org.longwire.push.platform.Api26
import org.longwire.push.platform.LOG_TAG

/**
 * The channels of notifications: one per urgency and sound, made when they are first needed, because the person decides about a channel
 * and the system never lets an app change it again. Before Android 8 a notification carries both itself.
 */
internal class Channels(
    private val context: Context,
    private val manager: NotificationManager,
) {
    /** A builder in the right channel, or in [own], which the app made. */
    fun builder(
        urgency: String?,
        sound: String?,
        own: String? = null,
    ): Notification.Builder {
        val level = Level.of(urgency)
        val tone = Tone.of(context, sound)
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return legacy(level, tone)
        if (own != null) return Api26.builder(context, own)
        val id = PREFIX + level.word + tone.suffix
        val name = context.getString(level.label) + if (tone.suffix.isEmpty()) "" else " (${tone.suffix.substring(1)})"
        Api26.createChannel(manager, id, name, level.importance, tone)
        return Api26.builder(context, id)
    }

    /** Whether the person lets notifications of this kind through, and the channel that the app names exists. */
    fun isOpen(
        urgency: String?,
        sound: String?,
        own: String? = null,
    ): Boolean {
        if (!manager.areNotificationsEnabled()) return false
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return true
        val id = own ?: (PREFIX + Level.of(urgency).word + Tone.of(context, sound).suffix)
        val importance = Api26.importance(manager, id)
        // The library's own is made when it is first needed; what is posted in a channel that nobody made, the system drops.
        if (importance == null && own != null) Log.w(LOG_TAG, "not shown: the app has no notification channel $own")
        return if (importance == null) own == null else importance != NotificationManager.IMPORTANCE_NONE
    }

    /** The quiet channel of the foreground service. */
    fun serviceBuilder(): Notification.Builder {
        if (Build.VERSION.SDK_INT < Build.VERSION_CODES.O) return legacyBuilder().setPriority(priority(Level.LOW))
        val name = context.getString(R.string.longwire_channel_service)
        Api26.createServiceChannel(manager, SERVICE, name)
        return Api26.builder(context, SERVICE)
    }

    private fun legacy(
        level: Level,
        tone: Tone,
    ): Notification.Builder {
        val builder = legacyBuilder().setPriority(priority(level))
        when (tone) {
            Tone.Default -> builder.setDefaults(if (level.isLoud) Notification.DEFAULT_ALL else 0)
            Tone.None -> builder.setDefaults(if (level.isLoud) Notification.DEFAULT_VIBRATE else 0)
            is Tone.Own -> builder.setDefaults(Notification.DEFAULT_VIBRATE).setSound(tone.uri)
        }
        return builder
    }

    @Suppress("DEPRECATION")
    private fun legacyBuilder(): Notification.Builder = Notification.Builder(context)

    @Suppress("DEPRECATION")
    private fun priority(level: Level): Int =
        when (level) {
            Level.MIN -> Notification.PRIORITY_MIN
            Level.LOW -> Notification.PRIORITY_LOW
            Level.NORMAL -> Notification.PRIORITY_DEFAULT
            Level.HIGH -> Notification.PRIORITY_HIGH
            Level.CRITICAL -> Notification.PRIORITY_MAX
        }

    companion object {
        const val SERVICE: String = "longwire.service"
        const val PREFIX: String = "longwire.push."
    }
}

/** How loud a notification is: the words of the API. */
internal enum class Level(
    val word: String,
    val importance: Int,
    val label: Int,
) {
    MIN("min", NotificationManager.IMPORTANCE_MIN, R.string.longwire_channel_min),
    LOW("low", NotificationManager.IMPORTANCE_LOW, R.string.longwire_channel_low),
    NORMAL("normal", NotificationManager.IMPORTANCE_DEFAULT, R.string.longwire_channel_normal),
    HIGH("high", NotificationManager.IMPORTANCE_HIGH, R.string.longwire_channel_high),
    CRITICAL("critical", NotificationManager.IMPORTANCE_HIGH, R.string.longwire_channel_critical),
    ;

    val isLoud: Boolean get() = importance >= NotificationManager.IMPORTANCE_DEFAULT

    companion object {
        fun of(urgency: String?): Level = entries.firstOrNull { it.word == urgency } ?: NORMAL
    }
}

/** What a notification sounds like. */
internal sealed interface Tone {
    val suffix: String

    data object Default : Tone {
        override val suffix: String get() = ""
    }

    data object None : Tone {
        override val suffix: String get() = ".none"
    }

    data class Own(
        val name: String,
        val uri: Uri,
    ) : Tone {
        override val suffix: String get() = ".$name"
    }

    companion object {
        private val NAME = Regex("[a-z0-9_]{1,64}")

        /** A sound that the app does not have is the default one. */
        fun of(
            context: Context,
            sound: String?,
        ): Tone =
            when {
                sound == null || sound == "default" -> Default
                sound == "none" -> None
                !NAME.matches(sound) || !exists(context, sound) -> Default
                else -> Own(sound, Uri.parse("android.resource://${context.packageName}/raw/$sound"))
            }

        private fun exists(
            context: Context,
            sound: String,
        ): Boolean = context.resources.getIdentifier(sound, "raw", context.packageName) != 0
    }
}
