package org.longwire.sample

import android.os.SystemClock
import org.longwire.push.PushState

/** How a state is shown: a colour, a headline, and the sentence of who knows more. */
data class StateText(
    val color: Int,
    val headline: String,
    val detail: String,
) {
    companion object {
        /** [nowElapsedMs] is a time of `SystemClock.elapsedRealtime()`. */
        fun of(
            state: PushState,
            nowElapsedMs: Long = SystemClock.elapsedRealtime(),
        ): StateText =
            when (state) {
                PushState.Idle -> StateText(R.color.idle, "Off", "")
                PushState.Connecting -> StateText(R.color.busy, "Connecting", "")
                PushState.Registering -> StateText(R.color.busy, "Registering", "")
                PushState.LoggingIn -> StateText(R.color.busy, "Logging in", "")
                is PushState.Waiting -> StateText(R.color.busy, "Waiting: ${state.reason}", waiting(state, nowElapsedMs))
                is PushState.Online -> StateText(R.color.good, "Online", online(state))
                is PushState.Blocked -> StateText(R.color.bad, "Blocked: ${state.reason}", state.text)
            }

        private fun waiting(
            state: PushState.Waiting,
            nowElapsedMs: Long,
        ): String {
            val until = state.untilElapsedMs ?: return state.text
            val seconds = ((until - nowElapsedMs).coerceAtLeast(0) + 999) / 1_000
            return "${state.text}; next attempt in $seconds s"
        }

        private fun online(state: PushState.Online): String =
            listOfNotNull(
                state.user?.let { "user:$it" },
                "device:${state.device}",
                "heartbeat after ${state.heartbeatSeconds} s",
            ).joinToString("\n")
    }
}
