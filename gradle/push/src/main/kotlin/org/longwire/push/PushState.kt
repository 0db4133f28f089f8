package org.longwire.push

/** Where the connection stands. */
public sealed interface PushState {
    /** The state's name, stable for programs. */
    public val name: String

    /** Not started, or stopped. */
    public data object Idle : PushState {
        override val name: String get() = "idle"
    }

    /** Waits for its next attempt. */
    public data class Waiting(
        /**
         * Until when, on the clock of `SystemClock.elapsedRealtime()`; `null`: at no set time. `no-network` ends when there is a network,
         * `internal` after seconds, what did not open (a store) at the library's next occasion: a start, an alarm, a quarter of an hour.
         */
        public val untilElapsedMs: Long?,
        /**
         * Why, as a stable word: `no-network`, `unknown-host`, `refused`, `unreachable`, `certificate`,
         * `client-certificate`, `tls`, `no-tls`, `lost`, `silent`, `timed-out`, `server`, `conflict`,
         * `unauthorized`, `security`, `protocol`, `storage` or `internal`.
         */
        public val reason: String,
        /** Why, as a sentence for people. */
        public val text: String,
    ) : PushState {
        override val name: String get() = "waiting"
    }

    /** TCP, TLS. */
    public data object Connecting : PushState {
        override val name: String get() = "connecting"
    }

    /** Makes an account. */
    public data object Registering : PushState {
        override val name: String get() = "registering"
    }

    /** Logs in. */
    public data object LoggingIn : PushState {
        override val name: String get() = "logging-in"
    }

    /** Receives notifications. */
    public data class Online(
        /** The server's id of this device. */
        public val device: String,
        /** The app's user that the device is bound to. */
        public val user: String?,
        /** The heartbeat in force, in seconds. */
        public val heartbeatSeconds: Int,
    ) : PushState {
        override val name: String get() = "online"
    }

    /** Cannot go on without somebody's help. */
    public data class Blocked(
        /**
         * Why, as a stable word: `registration-refused`, `app-key-needed`, `app-key-refused`, `unauthorized`, `config`, or `library`: the native
         * library cannot be loaded, which another build of the app mends. It is not tried again in the same process.
         */
        public val reason: String,
        /** Why, as a sentence for people. */
        public val text: String,
    ) : PushState {
        override val name: String get() = "blocked"
    }
}
