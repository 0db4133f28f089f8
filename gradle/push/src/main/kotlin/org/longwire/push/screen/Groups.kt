package org.longwire.push.screen

import android.app.Notification
import android.app.NotificationManager
import android.os.Build
import android.service.notification.StatusBarNotification
import org.longwire.push.platform.Api26

/** Notifications of one group stand together under a summary, which lives as long as two of them did. */
internal class Groups(
    private val manager: NotificationManager,
    private val builder: () -> Notification.Builder,
) {
    /** Brings the summary of [group] in line with what is on the screen, where [shown] just came and [gone] is about to go. */
    fun settle(
        group: String,
        shown: Pair<String, Notification>? = null,
        gone: Set<String> = emptySet(),
    ) {
        val members = members(group).filterKeys { it !in gone } + listOfNotNull(shown)
        val hasSummary = active().any { it.tag == tag(group) }
        when {
            members.isEmpty() -> if (hasSummary) manager.cancel(tag(group), ID)
            members.size > 1 || hasSummary -> manager.notify(tag(group), ID, summary(group, members.values))
        }
    }

    /** Brings the summaries of [gone] in line, which just went. */
    fun settle(gone: List<StatusBarNotification>) {
        val tags = gone.mapNotNull { it.tag }.toSet()
        gone.mapNotNull { it.notification.group }.distinct().forEach { settle(it, gone = tags) }
    }

    /** Brings all summaries in line after [gone] went. */
    fun settleAll(gone: String) {
        active().mapNotNull { it.tag }.filter { it.startsWith(TAG) }.forEach { settle(it.removePrefix(TAG), gone = setOf(gone)) }
    }

    private fun summary(
        group: String,
        members: Collection<Notification>,
    ): Notification {
        val lines = Notification.InboxStyle()
        val titles = members.map { it.extras.getCharSequence(Notification.EXTRA_TITLE) ?: "" }
        titles.take(LINES_MAX).forEach(lines::addLine)
        val builder =
            builder()
                .setGroup(group)
                .setGroupSummary(true)
                .setStyle(lines)
                .setContentTitle(titles.first())
                .setNumber(members.size)
                .setOnlyAlertOnce(true)
                .setAutoCancel(true)
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.O) Api26.alertByChildren(builder)
        return builder.build()
    }

    private fun members(group: String): Map<String, Notification> =
        active()
            .filter { it.tag != null && it.tag != tag(group) && it.notification.group == group }
            .associate { it.tag to it.notification }

    private fun active(): List<StatusBarNotification> = manager.activeNotifications.orEmpty().filter { it.id == ID }

    private fun tag(group: String): String = TAG + group

    companion object {
        /** Of everything from the server; the tag tells notifications apart. */
        const val ID: Int = 0x4C58
        const val TAG: String = "longwire.group:"
        private const val LINES_MAX = 6
    }
}
