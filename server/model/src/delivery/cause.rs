//! Why a delivery takes its time.

use std::fmt;

use crate::Timestamp;

/// What a delivery waited for, or waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    /// The device had no session.
    Offline,
    /// The server did not run.
    ServerDown,
    /// Connected; the background lane goes with the device's next heartbeat or wake-up.
    BackgroundLane,
    /// Connected; what is before it in the log goes first.
    CatchingUp,
    /// Connected; as much as may be was written and not acknowledged.
    WindowFull,
    /// Connected; the socket took nothing.
    SlowSocket,
    /// Written to the connection, without an answer.
    NotAcknowledged,
    /// The device's sessions of that time are not kept any more.
    Unknown,
}

impl Cause {
    /// Every cause.
    pub const ALL: [Self; 8] = [
        Self::Offline,
        Self::ServerDown,
        Self::BackgroundLane,
        Self::CatchingUp,
        Self::WindowFull,
        Self::SlowSocket,
        Self::NotAcknowledged,
        Self::Unknown,
    ];

    /// The words that callers see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Offline => "offline",
            Self::ServerDown => "server down",
            Self::BackgroundLane => "background lane",
            Self::CatchingUp => "catching up",
            Self::WindowFull => "window full",
            Self::SlowSocket => "slow socket",
            Self::NotAcknowledged => "not acknowledged",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the device was there: then what takes a moment is no delay.
    pub(super) const fn is_connected(self) -> bool {
        match self {
            Self::BackgroundLane | Self::CatchingUp | Self::WindowFull | Self::SlowSocket | Self::NotAcknowledged => {
                true
            }
            Self::Offline | Self::ServerDown | Self::Unknown => false,
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A stretch of time that a delivery waited for one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// For what.
    pub cause: Cause,
    /// From when; never before the notification was accepted.
    pub from: Timestamp,
    /// Until when; none while it goes on.
    pub to: Option<Timestamp>,
    /// Since when the cause was there, when it was there before the notification.
    pub since: Option<Timestamp>,
    /// More about it, for a person.
    pub detail: String,
}

impl Delay {
    /// Milliseconds that it had lasted at `now`.
    #[must_use]
    pub fn millis(&self, now: Timestamp) -> i64 {
        self.to.unwrap_or(now).millis_since(self.from).max(0)
    }

    /// What is going on, as one phrase.
    pub(super) fn present(&self) -> String {
        let Self { cause, detail, .. } = self;
        match self.since {
            Some(since) => format!("{cause} since {since}: {detail}"),
            None => format!("{cause}: {detail}"),
        }
    }

    /// What was going on, as one phrase.
    pub(super) fn past(&self) -> String {
        let Self { cause, from, detail, .. } = self;
        match self.to {
            Some(to) => format!("{cause} from {from} to {to}: {detail}"),
            None => self.present(),
        }
    }
}
