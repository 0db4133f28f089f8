package org.longwire.push.screen

import android.app.Notification
import android.app.NotificationManager
import android.app.PendingIntent
import android.content.Context
import android.os.Build
import android.os.Bundle
import android.os.SystemClock
import android.service.notification.StatusBarNotification
import android.util.Log
import org.longwire.push.R
import org.longwire.push.platform.LOG_TAG

/**
 * Room on the screen. The system drops what an app posts beyond a number of notifications, without a word; so below that number the
 * oldest that were shown are folded into one, which says how many they are and opens the app. On the screen's thread alone.
 */
internal class Room(
    private val context: Context,
    private val manager: NotificationManager,
    private val sdk: Int = Build.VERSION.SDK_INT,
    private val now: () -> Long = SystemClock::elapsedRealtime,
    private val builder: () -> Notification.Builder,
    private val onFolded: (List<StatusBarNotification>) -> Unit,
) {
    /** When each was posted: the system lists it a moment later. */
    private val posted = HashMap<String, Long>()
    private val folded = LinkedHashSet<String>()
    private var count = 0
    private var foldedAt = -LAG_MS - 1

    /** How many notifications of the app, whoever posted them, are on the screen at most. */
    val most: Int get() = (if (sdk in FEW) FEW_MAX else MANY_MAX) - RESERVE

    /** Whether [id] was folded, and is neither to be shown nor heard again. */
    fun isFolded(id: String): Boolean {
        look(active())
        return id in folded
    }

    /** Makes room for a notification that is about to be posted; `false`: there is none. */
    fun make(
        id: String,
        group: String?,
    ): Boolean {
        val active = active()
        look(active)
        val tags = active.mapNotNull { it.tag }.toSet()
        if (id in tags && id !in folded) return true
        val summaries = if (group == null || Groups.TAG + group in tags) 0 else 1
        // Neither what is on its way to the list nor what is on its way off it is counted wrongly.
        val used = active.count { it.tag == null || it.tag !in folded } + posted.keys.count { it !in tags && it != id }
        val missing = used + 1 + summaries - most
        if (missing > 0 && !fold(active, if (count == 0) missing + 1 else missing)) return false
        posted[id] = now()
        return true
    }

    /** [id] is taken from the screen. */
    fun leave(id: String) {
        posted -= id
        look(active())
        if (!folded.remove(id)) return
        count--
        if (count > 0) return show()
        foldedAt = now()
        manager.cancel(TAG, Groups.ID)
    }

    private fun fold(
        active: List<StatusBarNotification>,
        number: Int,
    ): Boolean {
        val oldest = active.filter(::isFoldable).sortedWith(compareBy({ it.postTime }, { it.notification.`when` })).take(number)
        if (oldest.size < number) {
            Log.w(LOG_TAG, "not shown: the app has as many notifications on the screen as the system lets it have")
            return false
        }
        for (one in oldest) folded += one.tag
        while (folded.size > KEPT) folded -= folded.first()
        count += oldest.size
        show()
        for (one in oldest) {
            posted -= one.tag
            manager.cancel(one.tag, one.id)
        }
        onFolded(oldest)
        return true
    }

    /** Ours, and nothing that lasts; a summary goes with its group. */
    private fun isFoldable(one: StatusBarNotification): Boolean =
        one.id == Groups.ID && one.tag != null && one.tag != TAG && !one.tag.startsWith(Groups.TAG) && one.tag !in folded && !one.isOngoing

    /** Brings what is remembered in line with the screen, from which the person may have taken things, also before this process. */
    private fun look(active: List<StatusBarNotification>) {
        val now = now()
        posted.values.removeAll { now - it > LAG_MS }
        val shown = active.firstOrNull { it.tag == TAG }?.notification
        if (shown == null && now - foldedAt > LAG_MS) {
            folded.clear()
            count = 0
        } else if (shown != null && count == 0 && now - foldedAt > LAG_MS) {
            folded += shown.extras.getStringArrayList(EXTRA_IDS).orEmpty()
            count = shown.extras.getInt(EXTRA_COUNT)
        }
    }

    private fun show() {
        foldedAt = now()
        val extras = Bundle()
        extras.putStringArrayList(EXTRA_IDS, ArrayList(folded))
        extras.putInt(EXTRA_COUNT, count)
        val builder =
            builder()
                .setContentTitle(context.getString(R.string.longwire_more, count))
                .setContentText(context.applicationInfo.loadLabel(context.packageManager))
                .setNumber(count)
                .setOnlyAlertOnce(true)
                .setAutoCancel(true)
                .addExtras(extras)
        launch()?.let(builder::setContentIntent)
        manager.notify(TAG, Groups.ID, builder.build())
    }

    private fun launch(): PendingIntent? {
        val intent = context.packageManager.getLaunchIntentForPackage(context.packageName) ?: return null
        return PendingIntent.getActivity(context, 0, intent, PendingIntent.FLAG_UPDATE_CURRENT or PendingIntent.FLAG_IMMUTABLE)
    }

    private fun active(): List<StatusBarNotification> = manager.activeNotifications.orEmpty().toList()

    companion object {
        const val TAG: String = "longwire.more"

        /** How long the system may take to list what was posted, and to drop what was cancelled. */
        const val LAG_MS: Long = 2_000

        /** NotificationManagerService.MAX_PACKAGE_NOTIFICATIONS: 50 up to Android 9 and from 14 on, 25 in Android 11 and perhaps beside it. */
        private val FEW = 29..33
        private const val FEW_MAX = 25
        private const val MANY_MAX = 50

        /** For the summary that the system makes, which it counts and does not list, and for what stands in for the folded ones. */
        private const val RESERVE = 2

        /** Ids that are remembered: what lies in a notification must be small. */
        private const val KEPT = 200
        private const val EXTRA_IDS = "org.longwire.push.folded"
        private const val EXTRA_COUNT = "org.longwire.push.count"
    }
}
