package org.longwire.e2e.death

import org.longwire.push.NotificationPresenter
import org.longwire.push.PushNotification
import org.longwire.push.PushStore

/** Ends the process at one step of the way of the notification with this title, as SIGKILL would: not a line of code runs after it. */
class Fate(
    private val step: Step?,
    private val diary: Diary,
    private val screen: KeptScreen,
    private val awaitAcknowledged: (id: String) -> Unit,
) {
    @Volatile
    private var id: String? = null

    @Volatile
    private var isPushed = false

    /** The broadcast is about to be sent. */
    fun beforeBroadcast(of: String?) {
        if (of == id) reach(Step.SHOWN)
    }

    /** The app's receiver runs. */
    fun pushed(push: PushNotification) {
        diary.note("pushed ${push.title}")
        if (push.title != step?.name) return
        reach(Step.BROADCAST)
        isPushed = true
    }

    /** A presenter that dies. */
    fun over(presenter: NotificationPresenter): NotificationPresenter =
        object : NotificationPresenter by presenter {
            override fun show(notification: PushNotification): Boolean {
                if (notification.title == step?.name) {
                    id = notification.id
                    if (step == Step.ACKNOWLEDGED) awaitAcknowledged(notification.id)
                    reach(Step.ACKNOWLEDGED)
                }
                diary.note("shown ${notification.title} ${notification.attempt}")
                return presenter.show(notification).also { screen.note(notification.title) }
            }
        }

    /** A store that dies around the commits of what concerns the notification. */
    fun over(store: PushStore): PushStore =
        object : PushStore by store {
            private var concerns = false

            override fun execute(
                sql: String,
                arguments: List<Any?>,
            ): Long {
                // The notification itself: reports about it are other steps.
                if ("inbox" in sql && arguments.any(::isMine)) concerns = true
                return store.execute(sql, arguments)
            }

            override fun commit() {
                val isMine = concerns
                concerns = false
                val (before, after) = if (isPushed) Step.RECEIVER_DONE to Step.HANDED else Step.RECEIVED to Step.STORED
                if (isMine) reach(before)
                store.commit()
                if (isMine) reach(after)
            }

            override fun rollback() {
                concerns = false
                store.rollback()
            }
        }

    private fun isMine(value: Any?): Boolean {
        val text = if (value is ByteArray) String(value) else value.toString()
        return listOfNotNull(step?.name?.let { "\"$it\"" }, id).any(text::contains)
    }

    private fun reach(reached: Step) {
        if (reached != step) return
        diary.note("died $step")
        Runtime.getRuntime().halt(DEATH)
    }

    companion object {
        /** The exit status of a process that died as planned. */
        const val DEATH = 86
    }
}
