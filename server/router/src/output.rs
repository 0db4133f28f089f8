//! What a shard asks its driver to do, in order.

use std::sync::Arc;

use longwire_model::delivery::Acknowledgement;
use longwire_model::{DeviceId, Entry, GenerationId, Lane, LaneSeqs, Seq};
use longwire_store::LogQuery;

use crate::SessionKey;

/// One thing to do.
#[derive(Clone, Debug)]
pub enum Output {
    /// Tell a push session that it is bound; before anything else is sent to it.
    Bound(SessionKey, Bound),
    /// Write an entry; `user` is named when the device gets it through that user's key and no other.
    Send {
        /// To which session.
        session: SessionKey,
        /// The entry; `seq` 0 for one that is not in the log (`ttl: 0`).
        entry: Arc<Entry>,
        /// The user through whose key alone the device gets it.
        user: Option<Arc<str>>,
        /// The update whose content takes the place of the entry's own.
        update: Option<Arc<Entry>>,
    },
    /// Tell a push session its cursor alone.
    Cursor {
        /// To which session.
        session: SessionKey,
        /// In which lane.
        lane: Lane,
        /// Up to where.
        seq: Seq,
    },
    /// Tell a push session that its device was bound to another user, or to none.
    User {
        /// To which session.
        session: SessionKey,
        /// The user.
        user: Option<Arc<str>>,
    },
    /// Ping a client without our extension behind what was just sent; its answer acknowledges up to here.
    Probe {
        /// To which session.
        session: SessionKey,
        /// Up to where, per lane.
        upto: LaneSeqs,
    },
    /// Read the log and hand the page to [`crate::Shard::page`].
    Read {
        /// For which session.
        session: SessionKey,
        /// What to read.
        query: LogQuery,
    },
    /// Write an acknowledgement row; when the store refuses it, close the session.
    Acknowledge {
        /// Whose.
        session: SessionKey,
        /// Of which device.
        device: DeviceId,
        /// The row.
        row: Acknowledgement,
    },
    /// [`crate::Shard::poll_timeout`] of a session may have moved, though nothing is sent to it.
    Deadline(SessionKey),
    /// Close a session; its entries stay in the log.
    Close(SessionKey, CloseReason),
}

/// What a push session is told when it is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The device.
    pub device: DeviceId,
    /// The newest generation.
    pub generation: GenerationId,
    /// The effective cursors.
    pub effective: LaneSeqs,
    /// The recorded cursors.
    pub recorded: LaneSeqs,
    /// The user that the device is bound to.
    pub user: Option<Arc<str>>,
}

/// Why a shard closes a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// A newer login of the same device.
    Conflict,
    /// A full window was not acknowledged for [`crate::STALL_MS`], or a ping behind a push not answered for [`crate::ANSWER_MS`].
    Stalled,
    /// The node lives in another generation, or lost its place: log in again.
    Restart,
    /// The device was removed.
    Removed,
}
