//! Acknowledgement rows: what a device has stored, what it was never to store, and when each entry was written to it.

use std::str::FromStr;

use crate::{Lane, Seq, Seqs, Timestamp};

/// Why the cursor passed an entry that the device did not store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Only known from the device's list after a lost connection: it did not store it.
    NotStored,
    /// Its expiry came first.
    Expired,
    /// A newer entry took its place.
    Superseded,
    /// It was recalled.
    Recalled,
    /// The device did not pass its filter.
    Filtered,
    /// The device had left its audience.
    Left,
    /// The device stored it as unusable.
    Rejected,
}

impl Ending {
    /// Every ending.
    pub const ALL: [Self; 7] =
        [Self::NotStored, Self::Expired, Self::Superseded, Self::Recalled, Self::Filtered, Self::Left, Self::Rejected];

    /// The word that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStored => "not-stored",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Recalled => "recalled",
            Self::Filtered => "filtered",
            Self::Left => "left",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for Ending {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|ending| ending.as_str() == text).ok_or(())
    }
}

/// Positions that an acknowledgement covers although the device did not store them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Which positions; those not addressed to the device mean nothing.
    pub seqs: Seqs,
    /// Why.
    pub ending: Ending,
}

/// What kept an entry from being written to a connected device at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Hold {
    /// The background lane waits for the device's next heartbeat or wake-up.
    Background,
    /// As much as may be was unacknowledged.
    Window,
    /// What is before it in the log came first, after a login.
    CatchUp,
}

impl Hold {
    /// Every hold.
    pub const ALL: [Self; 3] = [Self::Background, Self::Window, Self::CatchUp];

    /// The word that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Background => "background",
            Self::Window => "window",
            Self::CatchUp => "catch-up",
        }
    }
}

impl FromStr for Hold {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|hold| hold.as_str() == text).ok_or(())
    }
}

/// When an entry was written to the device's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its position.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// What had kept it back on that connection.
    pub hold: Option<Hold>,
}

/// One acknowledgement row: in `lane`, everything addressed to the device in `(from, to]` is stored, but for the exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The lane.
    pub lane: Lane,
    /// The record that it extends.
    pub from: Seq,
    /// The record that it makes.
    pub to: Seq,
    /// What in between was not stored.
    pub exceptions: Vec<Exception>,
    /// When each entry that it settles was written to the device; what only a login's list tells has none.
    pub sent: Vec<Sent>,
    /// When it was received.
    pub at: Timestamp,
}

/// An acknowledgement row starts above the record: the row before it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the acknowledgement does not extend the record")]
pub struct NotExtending;

impl Acknowledgement {
    /// Whether the row settles the entry at `seq` of `lane`.
    #[must_use]
    pub fn covers(&self, lane: Lane, seq: Seq) -> bool {
        self.lane == lane && self.from < seq && seq <= self.to
    }

    /// Why the entry at `seq` was passed; none when the device stored it.
    #[must_use]
    pub fn exception(&self, seq: Seq) -> Option<Ending> {
        self.exceptions.iter().find(|exception| exception.seqs.contains(seq)).map(|exception| exception.ending)
    }

    /// The part of the row above what is `recorded`; none when all of it is recorded already. A login may have been told a record
    /// that the last rows of the session before it have moved since.
    ///
    /// # Errors
    /// [`NotExtending`] when something is missing between the record and the row (DESIGN rule 9), or the row goes backwards.
    pub fn above(self, recorded: Seq) -> Result<Option<Self>, NotExtending> {
        if recorded < self.from || self.to < self.from {
            return Err(NotExtending);
        }
        Ok((recorded < self.to).then_some(Self { from: recorded, ..self }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_extends_the_record_or_is_clipped_to_what_is_above_it() {
        let row = Acknowledgement {
            lane: Lane::Normal,
            from: 4,
            to: 9,
            exceptions: Vec::new(),
            sent: Vec::new(),
            at: Timestamp::default(),
        };
        let clipped = |recorded| row.clone().above(recorded).map(|row| row.map(|row| (row.from, row.to)));
        assert_eq!(clipped(3), Err(NotExtending), "a row between was lost");
        assert_eq!(clipped(4), Ok(Some((4, 9))));
        assert_eq!(clipped(8), Ok(Some((8, 9))));
        assert_eq!(clipped(9), Ok(None));
        assert_eq!(Acknowledgement { to: 3, ..row.clone() }.above(7), Err(NotExtending));
    }
}
