//! What a device has stored: rows that go *stored → handed → done* (DESIGN rule 13), with the decisions that every store shares.

mod change;
mod memory;
mod notification;
mod row;
mod step;

pub use change::{Change, Outcome, Transaction, Verb};
pub use memory::MemoryStore;
pub use notification::{ACTIONS_MAX, Notification, PushAction, Unusable};
pub use row::{NotAStory, Owed, Row, RowState, Stage, Story};
pub use step::{DEATHS_MAX, Step, is_told_by, keep, leave, turn};

use longwire_protocol::push::{DeviceEvent, Lane};

use crate::account::Record;
use crate::heartbeat::Learned;

/// How long ids and seqs are kept: the longest TTL (28 days) plus one day, so that a repeat is always recognised.
pub const KEPT_MS: u64 = 29 * 24 * 3_600_000;

/// What an entry does on the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// Something to show.
    Notification,
    /// New content for a notification that the device has.
    Update,
    /// The notification must not be shown, or no longer.
    Recall,
    /// The notification was opened or dismissed on another device of the user.
    Dismissal,
}

/// One entry as it was received, before its payload is parsed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Position in the log; 0 for an entry that is not in the log (`ttl: 0`).
    pub seq: u64,
    /// Lane of the log.
    pub lane: Lane,
    /// The entry's id.
    pub id: String,
    /// The notification that an update, recall or dismissal is about; for a notification its own id.
    pub target: String,
    /// What it does.
    pub kind: EntryKind,
    /// When it expires, in Unix milliseconds of the server.
    pub expires_ms: u64,
    /// The user through whose key it came, when through no other.
    pub user: Option<String>,
    /// Of a notification that came with the content of a later update, the id of that update.
    pub update: Option<String>,
    /// The JSON text, not yet parsed.
    pub payload: String,
    /// Why this client cannot use it, when its form is unknown.
    pub unusable: Option<String>,
}

/// What a process finds when it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Installation, account, cursor and the like.
    pub record: Record,
    /// The rows that are not done or owe something to the screen, in the order in which they were received.
    pub rows: Vec<Row>,
    /// What the server has not been told yet.
    pub reports: Vec<DeviceEvent>,
    /// What is known of networks.
    pub networks: Vec<Learned>,
    /// Whose payload the former process parsed when it died.
    pub noted: Option<String>,
}

/// A durable step did not happen; nothing of it is stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot store on the device: {0}")]
pub struct StoreError(pub String);

/// The device's durable store. A transaction is all on disk when `apply` has answered, or nothing of it is.
pub trait Store {
    /// Applies the changes in order and tells the outcome of each.
    ///
    /// # Errors
    /// When nothing was stored.
    fn apply(&mut self, transaction: &Transaction) -> Result<Vec<Outcome>, StoreError>;

    /// Reads what a process needs at its start.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn load(&self) -> Result<Snapshot, StoreError>;
}
