package org.longwire.sample

import android.app.Activity
import android.content.Intent
import android.os.Bundle
import org.longwire.push.Broadcast

/** What a tap opens, with the notification in its intent. */
class ChatActivity : Activity() {
    override fun onCreate(savedInstanceState: Bundle?) {
        super.onCreate(savedInstanceState)
        show(intent)
    }

    override fun onNewIntent(intent: Intent) {
        super.onNewIntent(intent)
        show(intent)
    }

    private fun show(intent: Intent) {
        val push = Broadcast.notification(intent) ?: return
        title = push.data["room"] ?: push.title
    }
}
