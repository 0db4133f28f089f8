package org.longwire.sample

import android.content.Context
import org.longwire.push.PushNotification
import org.longwire.push.PushReceiver
import java.util.concurrent.LinkedBlockingQueue

/** Gets what buttons and replies say, beside the pushes. */
class ChatReceiver : PushReceiver() {
    override fun onPush(
        context: Context,
        push: PushNotification,
    ) {
        if (!push.isUpdate) Chat.said += "${push.id} ${push.data["room"]} ${push.body}"
    }

    override fun onAction(
        context: Context,
        id: String,
        action: String,
        text: String?,
    ) {
        if (action == "answer" && text != null) Chat.said += "$id answered $text"
    }
}

/** Stands for what an app does with it. */
object Chat {
    val said = LinkedBlockingQueue<String>()
}
