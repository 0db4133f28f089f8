//! Where a delivery stands.

use std::fmt;

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Accepted, to be released later.
    Scheduled,
    /// On disk; not yet sent to this device.
    Accepted,
    /// Written to the device's connection.
    Sent,
    /// Stored by the device.
    Delivered,
    /// Handed to the screen.
    Displayed,
    /// Opened by a person.
    Opened,
    /// Dismissed by a person.
    Dismissed,
    /// Ended: not stored before its expiry.
    Expired,
    /// Ended: a newer entry with its collapse key took its place.
    Superseded,
    /// Ended: recalled by the sender.
    Recalled,
    /// Ended: the device did not pass the filter.
    Filtered,
    /// Ended: the device left the audience.
    Left,
    /// Ended: the device could not use it.
    Rejected,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 13] = [
        Self::Scheduled,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Displayed,
        Self::Opened,
        Self::Dismissed,
        Self::Expired,
        Self::Superseded,
        Self::Recalled,
        Self::Filtered,
        Self::Left,
        Self::Rejected,
    ];

    /// The word that callers see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Recalled => "recalled",
            Self::Filtered => "filtered",
            Self::Left => "left",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
