//! Where the phone stands, in stable words for programs and sentences for people.

use longwire_client::State;
use longwire_driver::Status;

/// The state of the phone.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum PushState {
    /// Not started, or stopped.
    Idle,
    /// Waits for its next attempt.
    Waiting {
        /// Until when, on the clock of `SystemClock.elapsedRealtime()`; none: until something happens, such as a usable network.
        until_elapsed_ms: Option<u64>,
        /// Why: `no-network`, `unknown-host`, `refused`, `unreachable`, `certificate`, `client-certificate`, `tls`, `no-tls`, `lost`, `silent`,
        /// `timed-out`, `server`, `conflict`, `unauthorized`, `security`, `protocol`, `storage` or `internal`.
        reason: String,
        /// The sentence for people.
        text: String,
    },
    /// TCP and TLS.
    Connecting,
    /// Makes an account.
    Registering,
    /// Logs in.
    LoggingIn,
    /// Receives notifications.
    Online {
        /// The server's id of this installation.
        device: String,
        /// The user that it is bound to.
        user: Option<String>,
        /// After how much silence a heartbeat is sent.
        heartbeat_seconds: u32,
    },
    /// Cannot go on without somebody's help.
    Blocked {
        /// Why: `registration-refused`, `app-key-needed`, `app-key-refused` or `unauthorized`.
        reason: String,
        /// The sentence for people.
        text: String,
    },
}

impl PushState {
    pub(crate) fn of(status: Status<'_>) -> Self {
        match status.state {
            State::Idle => Self::Idle,
            State::Waiting { until_ms, why } => {
                Self::Waiting { until_elapsed_ms: *until_ms, reason: why.name().to_owned(), text: why.to_string() }
            }
            State::Connecting => Self::Connecting,
            State::Registering => Self::Registering,
            State::LoggingIn => Self::LoggingIn,
            State::Online(online) => Self::Online {
                device: online.device.clone(),
                user: online.user.clone(),
                heartbeat_seconds: status.heartbeat_s,
            },
            State::Blocked(block) => Self::Blocked { reason: block.name().to_owned(), text: block.to_string() },
        }
    }
}
