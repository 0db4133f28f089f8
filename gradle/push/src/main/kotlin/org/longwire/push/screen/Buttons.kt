package org.longwire.push.screen

import android.app.Notification
import android.app.RemoteInput
import android.content.Context
import android.graphics.drawable.Icon
import org.longwire.push.PushAction
import org.longwire.push.PushIntents
import org.longwire.push.PushNotification

/** The buttons of a notification. */
internal class Buttons(
    private val context: Context,
    private val intents: PushIntents,
) {
    fun add(
        builder: Notification.Builder,
        notification: PushNotification,
        icon: Int,
    ) {
        for (action in notification.actions) builder.addAction(button(notification, action, icon))
    }

    private fun button(
        notification: PushNotification,
        action: PushAction,
        icon: Int,
    ): Notification.Action {
        val intent = intents.act(notification, action)
        val button = Notification.Action.Builder(Icon.createWithResource(context, icon), action.title, intent)
        if (action.isReply) {
            val input = RemoteInput.Builder(PushIntents.KEY_REPLY).setLabel(action.placeholder ?: action.title)
            button.addRemoteInput(input.build()).setAllowGeneratedReplies(true)
        }
        return button.build()
    }
}
