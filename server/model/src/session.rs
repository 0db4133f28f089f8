//! Sessions that a device had: from when to when, and why each ended. They tell afterwards why a notification had to wait.

use std::str::FromStr;
use std::sync::Arc;

use crate::delivery::{Hold, Sent};
use crate::{Lane, Seq, Timestamp};

/// A session that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// When it began; tells the sessions of one device apart.
    pub began_at: Timestamp,
    /// When anything was last received in it.
    pub heard_at: Timestamp,
    /// When it ended; of one that the server did not outlive, the last instant at which the server is known to have run.
    pub ended_at: Timestamp,
    /// Why it ended.
    pub end: SessionEnd,
    /// Of one that the server did not outlive: when the server ran again.
    pub resumed_at: Option<Timestamp>,
    /// What it left behind; none when that is not known, as the server died.
    pub rest: Option<Arc<Rest>>,
}

/// What a session left behind that was not acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rest {
    /// What it had written; a full window at most.
    pub sent: Vec<Sent>,
    /// What it had held back.
    pub held: Vec<Held>,
}

/// A lane that was behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The lane.
    pub lane: Lane,
    /// What is above was held back.
    pub after: Seq,
    /// By what.
    pub hold: Hold,
}

impl Rest {
    /// When the entry at `seq` was written, if it was.
    #[must_use]
    pub fn sent(&self, seq: Seq) -> Option<Sent> {
        self.sent.iter().find(|sent| sent.seq == seq).copied()
    }

    /// What held the entry at `seq` of `lane` back, if anything did.
    #[must_use]
    pub fn hold(&self, lane: Lane, seq: Seq) -> Option<Hold> {
        self.held.iter().find(|held| held.lane == lane && held.after < seq).map(|held| held.hold)
    }
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SessionEnd {
    /// The device closed its stream.
    Closed,
    /// The connection ended without a word.
    Lost,
    /// Nothing was heard of the device for longer than it had promised.
    Silent,
    /// A newer login of the device, by its account or by one that took it over.
    Conflict,
    /// The socket took nothing.
    Slow,
    /// A full window was not acknowledged.
    Stalled,
    /// The device broke a rule of the protocol.
    Violation,
    /// The device or its account was removed.
    NotAuthorized,
    /// The server asked the device to log in again.
    Reset,
    /// The server was stopped, or died.
    Restart,
    /// The end itself was not written.
    Unrecorded,
}

impl SessionEnd {
    /// Every end.
    pub const ALL: [Self; 11] = [
        Self::Closed,
        Self::Lost,
        Self::Silent,
        Self::Conflict,
        Self::Slow,
        Self::Stalled,
        Self::Violation,
        Self::NotAuthorized,
        Self::Reset,
        Self::Restart,
        Self::Unrecorded,
    ];

    /// The word that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Lost => "lost",
            Self::Silent => "silent",
            Self::Conflict => "conflict",
            Self::Slow => "slow",
            Self::Stalled => "stalled",
            Self::Violation => "violation",
            Self::NotAuthorized => "not-authorized",
            Self::Reset => "reset",
            Self::Restart => "restart",
            Self::Unrecorded => "unrecorded",
        }
    }
}

impl FromStr for SessionEnd {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|end| end.as_str() == text).ok_or(())
    }
}
