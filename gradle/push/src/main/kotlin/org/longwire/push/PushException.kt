package org.longwire.push

/** Something that the library was asked for did not happen. Ask the predicates; the text is for people. */
public class PushException internal constructor(
    /** The kind of failure. */
    public val kind: Kind,
    message: String,
    /** The condition that the server named, when it refused: `forbidden`, `not-authorized`, … */
    public val condition: String? = null,
    /** Whether the same call may succeed later. */
    public val isRetryable: Boolean = kind == Kind.OFFLINE || kind == Kind.STORAGE,
    /** Whether a new user token is needed. */
    public val requiresLogin: Boolean = false,
    cause: Throwable? = null,
) : Exception(message, cause) {
    /** Whether what the app configured is wrong. */
    public val isConfig: Boolean get() = kind == Kind.CONFIG

    /** Kinds of failures. */
    public enum class Kind {
        /** The configuration is wrong, or there is none. */
        CONFIG,

        /** The phone's storage failed. */
        STORAGE,

        /** There was no connection to the server for as long as the call waits. */
        OFFLINE,

        /** The server refused. */
        REFUSED,

        /** Something that the platform was asked for failed. */
        PLATFORM,

        /** The library was stopped meanwhile. */
        STOPPED,

        /** The library's native part cannot be loaded: the installed app lacks it for the phone's ABI, or it is damaged. */
        LIBRARY,

        /** A fault of the library. */
        INTERNAL,
    }

    internal companion object {
        fun config(message: String): PushException = PushException(Kind.CONFIG, message)
    }
}
