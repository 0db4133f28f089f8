//! What a change does to one row: pure, so that every store decides alike.

use longwire_protocol::DateTime;
use longwire_protocol::push::{DeviceEvent, DeviceEventType};

use super::{EntryKind, Outcome, Received, Row, RowState, Verb};

/// After this many deaths on the same row it is given up (DESIGN rule 10).
pub const DEATHS_MAX: u32 = 3;

/// The result of a decision: what to write and what to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The row to write in place of the old one.
    pub write: Option<Row>,
    /// What the machine is told.
    pub outcome: Outcome,
}

impl Step {
    const NOTHING: Self = Self { write: None, outcome: Outcome::Quiet };

    const fn quiet(row: Row) -> Self {
        Self { write: Some(row), outcome: Outcome::Quiet }
    }
}

/// Decides about an entry that was received, given the row of its target.
#[must_use]
pub fn keep(row: Option<Row>, entry: &Received, at_ms: u64) -> Step {
    match (entry.kind, row) {
        (EntryKind::Notification, None) => fresh(entry, at_ms),
        (EntryKind::Notification, Some(_)) | (EntryKind::Update, None) => Step::NOTHING,
        (EntryKind::Update, Some(row)) => update(row, entry),
        (EntryKind::Recall, row) => withdraw(row, entry, RowState::Recalled, at_ms),
        (EntryKind::Dismissal, row) => withdraw(row, entry, RowState::Closed, at_ms),
    }
}

/// Decides about a row that turns.
#[must_use]
pub fn turn(row: Option<Row>, verb: &Verb, at_ms: u64) -> Step {
    let Some(row) = row else { return Step::NOTHING };
    match verb {
        Verb::Hand if row.state.is_open() => hand(row),
        Verb::Died if row.state.is_open() => died(row, at_ms),
        Verb::Finish if row.state.is_open() => finish(row, RowState::Done),
        Verb::Close if matches!(row.state, RowState::Stored | RowState::Handed | RowState::Done) => {
            finish(row, RowState::Closed)
        }
        Verb::Expire if row.state.is_open() => Step::quiet(emptied(row, RowState::Done)),
        Verb::Reject(reason) if row.state.is_open() => reject(row, reason, at_ms),
        Verb::Hand | Verb::Died | Verb::Finish | Verb::Close | Verb::Expire | Verb::Reject(_) => Step::NOTHING,
    }
}

/// Decides about a row when the device is `user`'s: one of another user that was not handed yet is dropped, and the server is told.
#[must_use]
pub fn leave(row: Row, user: Option<&str>, at_ms: u64) -> Option<(Row, DeviceEvent)> {
    if row.state != RowState::Stored || row.user.is_none() || row.user.as_deref() == user {
        return None;
    }
    let entry = row.id.clone();
    let report = DeviceEvent { entry, kind: DeviceEventType::Left, at: DateTime(at_ms), reason: None };
    Some((emptied(row, RowState::Done), report))
}

fn fresh(entry: &Received, at_ms: u64) -> Step {
    let row = first(entry, RowState::Stored, at_ms);
    if let Some(reason) = &entry.unusable {
        return reject(row, reason, at_ms);
    }
    if entry.seq == 0 {
        let shown = Row { attempt: 1, ..row.clone() };
        return Step { write: Some(emptied(row, RowState::Done)), outcome: Outcome::Once(shown) };
    }
    Step { write: Some(row.clone()), outcome: Outcome::Fresh(row) }
}

fn update(row: Row, entry: &Received) -> Step {
    if entry.unusable.is_some() {
        return Step::NOTHING;
    }
    let updated = Row { payload: entry.payload.clone(), expires_ms: entry.expires_ms, ..row };
    match updated.state {
        RowState::Stored => Step::quiet(updated),
        RowState::Handed => Step { write: Some(updated.clone()), outcome: Outcome::Updated(updated) },
        RowState::Done => Step { write: None, outcome: Outcome::Updated(updated) },
        RowState::Closed | RowState::Recalled | RowState::Unusable => Step::NOTHING,
    }
}

fn withdraw(row: Option<Row>, entry: &Received, state: RowState, at_ms: u64) -> Step {
    let Some(row) = row else { return Step::quiet(first(entry, state, at_ms)) };
    match row.state {
        RowState::Stored => Step::quiet(emptied(row, state)),
        RowState::Handed | RowState::Done => {
            let outcome = Outcome::Removed { id: row.id.clone(), attempt: row.attempt };
            Step { write: Some(emptied(row, state)), outcome }
        }
        RowState::Closed | RowState::Recalled | RowState::Unusable => Step::NOTHING,
    }
}

fn hand(row: Row) -> Step {
    let row = Row { state: RowState::Handed, attempt: row.attempt + 1, ..row };
    Step { write: Some(row.clone()), outcome: Outcome::Hand(row) }
}

fn died(row: Row, at_ms: u64) -> Step {
    let row = Row { deaths: row.deaths + 1, ..row };
    if row.deaths >= DEATHS_MAX {
        return reject(row, &format!("the app died {DEATHS_MAX} times while it read the payload"), at_ms);
    }
    Step::quiet(row)
}

fn finish(row: Row, state: RowState) -> Step {
    let outcome = Outcome::Finished(row.id.clone());
    Step { write: Some(emptied(row, state)), outcome }
}

fn reject(row: Row, reason: &str, at_ms: u64) -> Step {
    let report = DeviceEvent {
        entry: row.id.clone(),
        kind: DeviceEventType::Rejected,
        at: DateTime(at_ms),
        reason: Some(reason.to_owned()),
    };
    Step { write: Some(emptied(row, RowState::Unusable)), outcome: Outcome::Report(report) }
}

fn emptied(row: Row, state: RowState) -> Row {
    Row { state, payload: String::new(), deaths: 0, ..row }
}

fn first(entry: &Received, state: RowState, at_ms: u64) -> Row {
    Row {
        id: entry.target.clone(),
        seq: entry.seq,
        lane: entry.lane,
        state,
        payload: if state == RowState::Stored { entry.payload.clone() } else { String::new() },
        user: entry.user.clone(),
        expires_ms: entry.expires_ms,
        received_ms: at_ms,
        attempt: 0,
        deaths: 0,
    }
}
