//! What devices report: displayed, opened, dismissed, and the ends that only they see.

use std::str::FromStr;

use crate::Timestamp;

/// What a device reports of an entry (events are deduplicated by device, entry and type).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Handed to the screen.
    Displayed,
    /// Opened by a person.
    Opened,
    /// Dismissed by a person.
    Dismissed,
    /// Stored as unusable.
    Rejected,
    /// Stored for a user who left the device before it was shown.
    Left,
    /// Stored, and expired on the device before it was shown.
    Expired,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::Displayed, Self::Opened, Self::Dismissed, Self::Rejected, Self::Left, Self::Expired];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
            Self::Rejected => "rejected",
            Self::Left => "left",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for EventType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// One event of a device about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// When, by the device; see [`Event::bounded`].
    pub at: Timestamp,
    /// The reason of a rejection.
    pub reason: Option<String>,
}

impl Event {
    /// The event with an instant that can be: a phone's clock is not trusted, so nothing happens before the notification was accepted,
    /// and nothing after the server heard of it.
    #[must_use]
    pub fn bounded(self, accepted: Timestamp, received: Timestamp) -> Self {
        Self { at: self.at.min(received).max(accepted), ..self }
    }
}
