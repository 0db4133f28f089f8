//! What the state of a delivery is derived from.

use super::{Acknowledgement, Ending, Event, Hold};
use crate::session::Session;
use crate::{Entry, EntryId, Timestamp};

/// Everything that decides the state of one notification on one device. The order of rows, events and sessions says nothing.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The notification's entry.
    pub entry: &'a Entry,
    /// This instant.
    pub now: Timestamp,
    /// Acknowledgement rows of the device; at most one of them covers the entry.
    pub acknowledgements: &'a [Acknowledgement],
    /// Whether it has a filter that the device has passed at no time since it was accepted.
    pub is_filtered: bool,
    /// When the device left the audience, if it has.
    pub left_at: Option<Timestamp>,
    /// The newer entry of the same collapse key that the device is also given.
    pub superseded: Option<Superseded>,
    /// When it was recalled.
    pub recalled_at: Option<Timestamp>,
    /// Whether the device has acknowledged the recall: what it showed is gone.
    pub has_recall: bool,
    /// The device's own events about it.
    pub events: &'a [Event],
    /// The device's sessions that are over: all that ended after the entry was accepted, and the last one before, as far as they are
    /// kept.
    pub sessions: &'a [Session],
    /// Its session of now.
    pub present: Option<Present>,
}

/// What took the place of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// When it was accepted.
    pub at: Timestamp,
    /// Its id.
    pub by: EntryId,
}

/// A session that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Present {
    /// When it began.
    pub began_at: Timestamp,
    /// When anything was last received in it.
    pub heard_at: Timestamp,
    /// When the device has promised to be heard of next.
    pub next_contact: Option<Timestamp>,
    /// How far the entry has come on it; none when its worker says nothing.
    pub progress: Option<Progress>,
}

/// How far an entry has come on a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It was looked at and is not written on this session: it ended for this reason; without one, the device's acknowledgement is
    /// being recorded.
    Passed(Option<Ending>),
    /// The device has logged in with a cursor above it, and owes the list of what it stored.
    Unlisted,
    /// It was not written yet.
    Waiting(Hold),
    /// It was written, and is not acknowledged.
    Written {
        /// When.
        at: Timestamp,
        /// What had kept it back.
        hold: Option<Hold>,
        /// The socket has taken nothing since then.
        is_blocked: bool,
    },
}
