package org.longwire.e2e.death

import android.app.Notification
import android.app.NotificationManager
import android.content.Context
import org.longwire.e2e.world.title

/** The screen, which outlives the processes of an app: what the diary says of it is there when the next one begins. */
class KeptScreen(
    private val app: Context,
    private val diary: Diary,
) {
    private val manager: NotificationManager = app.getSystemService(NotificationManager::class.java)!!

    /** Puts back what the processes before posted. */
    fun restore() {
        for ((title, tag, id) in diary.lines.filter { it.startsWith(POSTED) }.map { it.removePrefix(POSTED).split(" ") }) {
            @Suppress("DEPRECATION") // Android 7 has no other.
            val kept = Notification.Builder(app).setSmallIcon(android.R.drawable.ic_dialog_info).setContentTitle(title)
            manager.notify(tag, id.toInt(), kept.build())
        }
    }

    /** Notes each notification with this title that is on the screen: its tag, its id and whether its repeats are silent. */
    fun note(title: String?) {
        for (shown in manager.activeNotifications.filter { it.notification.title == title }) {
            val alerts = if (shown.notification.flags and Notification.FLAG_ONLY_ALERT_ONCE == 0) "alerts" else "once"
            diary.note("$POSTED$title ${shown.tag} ${shown.id} $alerts")
        }
    }

    private companion object {
        const val POSTED = "posted "
    }
}
