package org.longwire.push

/**
 * Puts notifications on the screen. Replaceable through [PushComponents]; see [DefaultNotificationPresenter], which can also be
 * extended. Calls come on one thread that is not the main thread. Each may come again after a restart, and must then change nothing.
 */
public interface NotificationPresenter {
    /** Shows a notification, or replaces the one with its id; tells whether it is really on the screen. */
    public fun show(notification: PushNotification): Boolean

    /** Takes a notification from the screen; nothing happens when it is not there. */
    public fun remove(id: String)
}
