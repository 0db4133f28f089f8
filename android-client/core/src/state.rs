//! Where a device stands, and why it waits.

use std::fmt;

/// The state of a device (DESIGN §6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Not started, or stopped.
    Idle,
    /// Waits for its next attempt.
    Waiting {
        /// Until when, on the clock of `now_ms`; `None` until the network is usable.
        until_ms: Option<u64>,
        /// What it waits for.
        why: Why,
    },
    /// TCP, TLS.
    Connecting,
    /// Makes an account.
    Registering,
    /// Logs in.
    LoggingIn,
    /// Receives notifications.
    Online(Online),
    /// Cannot go on without somebody's help.
    Blocked(Block),
}

/// Who the device is on the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Online {
    /// The server's id of the device.
    pub device: String,
    /// The full JID of the session.
    pub jid: String,
    /// The user that the device is bound to.
    pub user: Option<String>,
}

impl State {
    /// The state's name, stable for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Waiting { .. } => "waiting",
            Self::Connecting => "connecting",
            Self::Registering => "registering",
            Self::LoggingIn => "logging-in",
            Self::Online(_) => "online",
            Self::Blocked(_) => "blocked",
        }
    }
}

/// Why a device waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// There is no network.
    Network,
    /// The server could not be reached, or TLS could not be set up with it.
    Unreachable(Failure),
    /// The connection ended without a word.
    Lost,
    /// Nothing was received after a heartbeat.
    Silent,
    /// The server did not finish in time.
    TimedOut,
    /// The server offers no TLS.
    NoTls,
    /// The server ended the stream or refused for now.
    Server {
        /// The condition that it named.
        condition: String,
        /// Its text.
        text: Option<String>,
    },
    /// Another session of this device took its place.
    Conflict {
        /// It was the second time within an hour, as happens to a phone that was copied: this one is a new installation from now on.
        is_clone: bool,
    },
    /// The password was refused: a new account is made.
    Unauthorized,
    /// The login was not safe, for this reason: the password was not proved to whoever is there, or proved to no use.
    Security(String),
    /// The server says what this client does not understand.
    Protocol(String),
    /// The device's store failed.
    Storage(String),
}

impl Why {
    /// The reason's name, stable for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Network => "no-network",
            Self::Unreachable(failure) => failure.kind.name(),
            Self::Lost => "lost",
            Self::Silent => "silent",
            Self::TimedOut => "timed-out",
            Self::NoTls => "no-tls",
            Self::Server { .. } => "server",
            Self::Conflict { .. } => "conflict",
            Self::Unauthorized => "unauthorized",
            Self::Security(_) => "security",
            Self::Protocol(_) => "protocol",
            Self::Storage(_) => "storage",
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network => f.write_str("there is no network"),
            Self::Unreachable(failure) => f.write_str(&failure.text),
            Self::Lost => f.write_str("the connection was lost"),
            Self::Silent => f.write_str("the server did not answer a heartbeat"),
            Self::TimedOut => f.write_str("the server did not finish the login in time"),
            Self::NoTls => f.write_str("the server offers no TLS"),
            Self::Server { condition, text: Some(text) } => write!(f, "the server says {condition}: {text}"),
            Self::Server { condition, text: None } => write!(f, "the server says {condition}"),
            Self::Conflict { is_clone: false } => f.write_str("another session of this device took its place"),
            Self::Conflict { is_clone: true } => f.write_str(
                "another session of this device took its place twice within an hour: two phones have the same data, and this one makes \
                 itself a new device",
            ),
            Self::Unauthorized => f.write_str("the server refused the password; a new account is made"),
            Self::Security(what) => write!(f, "the login was not safe, the account is kept: {what}"),
            Self::Protocol(what) => write!(f, "the server is not understood: {what}"),
            Self::Storage(what) => f.write_str(what),
        }
    }
}

/// Why a connection did not come about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The kind, for programs.
    pub kind: FailureKind,
    /// The sentence, for people.
    pub text: String,
}

/// Kinds of failures to connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// The host name is not known.
    Resolve,
    /// Nobody listens there.
    Refused,
    /// No answer in time, or no road.
    Unreachable,
    /// The certificate is not one to trust for this domain.
    Certificate,
    /// The server did not take the certificate of this device, or misses one.
    ClientCertificate,
    /// TLS failed otherwise.
    Tls,
}

impl FailureKind {
    /// The kind's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Resolve => "unknown-host",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::Certificate => "certificate",
            Self::ClientCertificate => "client-certificate",
            Self::Tls => "tls",
        }
    }
}

/// Why a device cannot go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Block {
    /// The server admits no registration; its words.
    RegistrationRefused(String),
    /// The server registers only with an app key, and the device has none; its words.
    AppKeyNeeded(String),
    /// The server refuses the device's app key; its words.
    AppKeyRefused(String),
    /// The password was refused three times in a row.
    Unauthorized,
}

impl Block {
    /// Whether another attempt follows, seldom: what blocks it may be mended on the server alone.
    pub(crate) const fn passes(&self) -> bool {
        match self {
            Self::RegistrationRefused(_) | Self::AppKeyNeeded(_) | Self::AppKeyRefused(_) => true,
            Self::Unauthorized => false,
        }
    }

    /// The reason's name, stable for programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::RegistrationRefused(_) => "registration-refused",
            Self::AppKeyNeeded(_) => "app-key-needed",
            Self::AppKeyRefused(_) => "app-key-refused",
            Self::Unauthorized => "unauthorized",
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RegistrationRefused(words) => write!(f, "the server refuses registrations: {words}"),
            Self::AppKeyNeeded(words) => write!(
                f,
                "the server asks for an app key and this device has none: its operator makes one with `longwire app key create` \
                 ({words})"
            ),
            Self::AppKeyRefused(words) => write!(
                f,
                "the server refuses this app key; one that is good is needed, from its operator (`longwire app key create`): {words}"
            ),
            Self::Unauthorized => f.write_str("the server refused the password three times in a row"),
        }
    }
}
