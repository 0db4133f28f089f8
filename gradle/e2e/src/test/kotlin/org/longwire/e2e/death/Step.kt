package org.longwire.e2e.death

/** Where a process dies on the way of a notification, in the order of the way. */
enum class Step {
    /** It was received; the transaction that stores it is not committed. */
    RECEIVED,

    /** It is stored; nobody else knows that yet. */
    STORED,

    /** The server knows that it is stored; it is not on the screen. */
    ACKNOWLEDGED,

    /** It is on the screen; the broadcast is not sent. */
    SHOWN,

    /** The broadcast is sent; the app's receiver has only begun. */
    BROADCAST,

    /** The receiver is through; the transaction that says so is not committed. */
    RECEIVER_DONE,

    /** All is done and on disk. */
    HANDED,

    ;

    /** Whether the notification is on the screen by then. */
    val isShown: Boolean get() = this >= SHOWN

    /** Whether the app's receiver was called by then. */
    val isPushed: Boolean get() = this >= BROADCAST
}
