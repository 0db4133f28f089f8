//! What a device has stored: rows that go *stored → handed → done* (DESIGN rule 13), with the decisions that every store shares.

mod change;
mod memory;
mod notification;
mod step;

pub use change::{Change, Outcome, Transaction, Verb};
pub use memory::MemoryStore;
pub use notification::{Notification, Unusable};
pub use step::{DEATHS_MAX, Step, keep, leave, turn};

use longwire_protocol::push::{DeviceEvent, Lane};

use crate::account::Record;

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
    /// The JSON text, not yet parsed.
    pub payload: String,
    /// Why this client cannot use it, when its form is unknown.
    pub unusable: Option<String>,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowState {
    /// On disk, not yet handed to the app.
    Stored,
    /// Handed to the app, which has not said that it is done with it.
    Handed,
    /// The app is done with it; it may still be on the screen.
    Done,
    /// Opened or dismissed, here or on another device: no longer on the screen.
    Closed,
    /// Recalled; also the tombstone of an id that never came.
    Recalled,
    /// Could not be used.
    Unusable,
}

impl RowState {
    /// Every state, in the order of their stored numbers.
    pub const ALL: [Self; 6] = [Self::Stored, Self::Handed, Self::Done, Self::Closed, Self::Recalled, Self::Unusable];

    /// The number under which a database keeps it; never reused for another meaning.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Stored => 0,
            Self::Handed => 1,
            Self::Done => 2,
            Self::Closed => 3,
            Self::Recalled => 4,
            Self::Unusable => 5,
        }
    }

    /// The state with this number.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// Whether the row is still to be handed, or handed again after a restart.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Stored | Self::Handed)
    }
}

/// A notification on the device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The notification's id.
    pub id: String,
    /// Position in the log of the entry that brought it.
    pub seq: u64,
    /// Its lane.
    pub lane: Lane,
    /// Where it stands.
    pub state: RowState,
    /// The JSON text; empty once the row is done.
    pub payload: String,
    /// The user through whose key it came, when through no other.
    pub user: Option<String>,
    /// When it expires, in Unix milliseconds of the server.
    pub expires_ms: u64,
    /// When it was stored, in Unix milliseconds of the server.
    pub received_ms: u64,
    /// How often it was handed over.
    pub attempt: u32,
    /// How many processes died while they parsed it.
    pub deaths: u32,
}

/// What a process finds when it starts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Installation, account, cursor and the like.
    pub record: Record,
    /// The rows that are not done, in the order in which they were received.
    pub rows: Vec<Row>,
    /// What the server has not been told yet.
    pub reports: Vec<DeviceEvent>,
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
