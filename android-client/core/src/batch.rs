//! What one read brought, gathered for one durable step and one acknowledgement (DESIGN rule 9).

use longwire_protocol::push::{CursorMoved, Entry, EntryContent, EntryHead, Lane};
use longwire_protocol::{Element, FieldError};

use crate::inbox::{Change, EntryKind, Received};

/// What may wait for the store: far more than a server may send unacknowledged (64 entries or 256 KiB).
pub(crate) const BATCH_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Changes gathered from one read.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) changes: Vec<Change>,
    pub(crate) normal: Option<u64>,
    pub(crate) background: Option<u64>,
    pub(crate) bytes: usize,
}

impl Batch {
    /// Takes a message that holds an entry. One whose head is unreadable has no position and is passed over.
    pub(crate) fn add_message(&mut self, message: &Element) -> Result<(), FieldError> {
        let head = EntryHead::from_message(message)?;
        let entry = match Entry::from_message(message) {
            Ok(entry) => received(entry),
            Err(error) => unknown_form(&head, &error),
        };
        self.bytes += entry.payload.len() + 256;
        self.changes.push(Change::Keep(entry));
        self.reach(head.lane, head.seq);
        Ok(())
    }

    pub(crate) fn add_cursor(&mut self, cursor: CursorMoved) {
        self.reach(cursor.lane, cursor.seq);
    }

    pub(crate) fn add_user(&mut self, user: Option<String>) {
        self.changes.push(Change::User(user));
    }

    /// The whole batch, with the cursor moves at its end; nothing of it stays here.
    pub(crate) fn take(&mut self) -> Self {
        let mut batch = std::mem::take(self);
        for (lane, seq) in [(Lane::Normal, batch.normal), (Lane::Background, batch.background)] {
            batch.changes.extend(seq.map(|seq| Change::Cursor { lane, seq }));
        }
        batch
    }

    fn reach(&mut self, lane: Lane, seq: u64) {
        if seq == 0 {
            return; // not in the log: the cursor does not move
        }
        let reached = match lane {
            Lane::Normal => &mut self.normal,
            Lane::Background => &mut self.background,
        };
        *reached = (*reached).max(Some(seq));
    }
}

fn received(entry: Entry) -> Received {
    let (kind, target, payload) = match entry.content {
        EntryContent::Notification { json } => (EntryKind::Notification, entry.id.clone(), json),
        EntryContent::Update { target, json } => (EntryKind::Update, target, json),
        EntryContent::Recall { target } => (EntryKind::Recall, target, String::new()),
        EntryContent::Dismissal { target } => (EntryKind::Dismissal, target, String::new()),
    };
    Received {
        seq: entry.seq,
        lane: entry.lane,
        id: entry.id,
        target,
        kind,
        expires_ms: entry.expires.unix_ms(),
        user: entry.user,
        update: entry.update,
        payload,
        unusable: None,
    }
}

/// An entry of a newer format: its seq counts, its content does not (DESIGN rule 10).
fn unknown_form(head: &EntryHead, error: &FieldError) -> Received {
    Received {
        seq: head.seq,
        lane: head.lane,
        id: head.id.clone(),
        target: head.id.clone(),
        kind: EntryKind::Notification,
        expires_ms: 0,
        user: None,
        update: None,
        payload: String::new(),
        unusable: Some(format!("unknown form: {error}")),
    }
}
