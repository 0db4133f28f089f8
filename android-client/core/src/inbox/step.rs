//! What a change does to one row: pure, so that every store decides alike.

use longwire_protocol::DateTime;
use longwire_protocol::push::{DeviceEvent, DeviceEventType};

use super::{EntryKind, Outcome, Owed, Received, Row, RowState, Stage, Story, Verb};

/// After this many deaths on the same row it is given up (DESIGN rule 10).
pub const DEATHS_MAX: u32 = 3;

/// The result of a decision: what to write and what to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The rows to write in place of the old ones.
    pub write: Vec<Row>,
    /// What the machine is told.
    pub outcome: Outcome,
}

impl Step {
    const NOTHING: Self = Self { write: Vec::new(), outcome: Outcome::Quiet };

    fn quiet(row: Row) -> Self {
        Self::telling(row, Outcome::Quiet)
    }

    fn telling(row: Row, outcome: Outcome) -> Self {
        Self { write: vec![row], outcome }
    }
}

/// Decides about an entry that was received, given the row of its target, and whether the device has an update of this id already.
#[must_use]
pub fn keep(row: Option<Row>, is_repeat: bool, entry: &Received, at_ms: u64) -> Step {
    match (entry.kind, row) {
        (EntryKind::Notification, None) => fresh(entry, at_ms),
        (EntryKind::Notification, Some(_)) | (EntryKind::Update, None) => Step::NOTHING,
        (EntryKind::Update, Some(_)) if is_repeat || entry.unusable.is_some() => Step::NOTHING,
        (EntryKind::Update, Some(row)) => update(row, entry, at_ms),
        (EntryKind::Recall, row) => withdraw(row, entry, (RowState::Recalled, Stage::Recalled), at_ms),
        (EntryKind::Dismissal, row) => withdraw(row, entry, (RowState::Closed, Stage::ClosedElsewhere), at_ms),
    }
}

/// Decides about a row that turns.
#[must_use]
pub fn turn(row: Option<Row>, verb: &Verb, at_ms: u64) -> Step {
    let Some(row) = row else { return Step::NOTHING };
    let owes_update = row.owed == Owed::Update;
    match verb {
        Verb::Hand if row.state.is_open() => hand(row, at_ms),
        // The row itself is done: what is handed is its newer content.
        Verb::Hand if owes_update => Step { write: Vec::new(), outcome: Outcome::Updated(row) },
        Verb::Died if row.state.is_open() => died(row, at_ms),
        Verb::Died if owes_update => died_of_update(row),
        Verb::Finish if row.state.is_open() => finish(row, at_ms),
        Verb::Close if matches!(row.state, RowState::Stored | RowState::Handed | RowState::Done) => close(row, at_ms),
        Verb::Expire if row.state.is_open() => expire(row, at_ms),
        Verb::Expire if owes_update => Step::quiet(settled(row)),
        Verb::Reject(reason) if row.state.is_open() => reject(row, reason, at_ms),
        Verb::Updated(revision) if owes_update && row.revision == *revision => {
            Step::quiet(told(settled(row), Stage::Updated, at_ms))
        }
        Verb::NotUpdated(revision) if owes_update && row.revision == *revision => Step::quiet(settled(row)),
        Verb::Removed if row.owed == Owed::Removal => Step::quiet(told(settled(row), Stage::Removed, at_ms)),
        Verb::Hand
        | Verb::Died
        | Verb::Finish
        | Verb::Close
        | Verb::Expire
        | Verb::Reject(_)
        | Verb::Updated(_)
        | Verb::NotUpdated(_)
        | Verb::Removed => Step::NOTHING,
    }
}

/// Decides about a row when the device is `user`'s: one of another user that was not handed yet is dropped, and the server is told;
/// so is an update of another user's that has not reached the screen.
#[must_use]
pub fn leave(row: Row, user: Option<&str>, at_ms: u64) -> Option<(Row, Option<DeviceEvent>)> {
    if row.user.is_none() || row.user.as_deref() == user {
        return None;
    }
    match (row.state, row.owed) {
        (RowState::Stored, _) => {
            let report = event(&row, DeviceEventType::Left, at_ms);
            Some((told(emptied(row, RowState::Left), Stage::Left, at_ms), Some(report)))
        }
        (RowState::Done, Owed::Update) => Some((settled(row), None)),
        (_, _) => None,
    }
}

/// Whether a report says nothing that `known` does not say: one of each type is told of a notification, but every use of an action.
#[must_use]
pub fn is_told_by(report: &DeviceEvent, known: &DeviceEvent) -> bool {
    let is_same = report.entry == known.entry && report.kind == known.kind;
    is_same && (report.kind != DeviceEventType::Action || report == known)
}

fn fresh(entry: &Received, at_ms: u64) -> Step {
    let row = told(first(entry, RowState::Stored, at_ms), Stage::Stored, at_ms);
    if let Some(reason) = &entry.unusable {
        return reject(row, reason, at_ms);
    }
    if entry.seq == 0 {
        let shown = told(Row { attempt: 1, ..row }, Stage::Handed, at_ms);
        return Step::telling(emptied(shown.clone(), RowState::Done), Outcome::Once(shown));
    }
    // The update whose content it brought is known when it comes.
    let known = entry.update.clone().map(|id| note(entry, id, at_ms));
    Step { write: [row.clone()].into_iter().chain(known).collect(), outcome: Outcome::Fresh(row) }
}

/// What keeps an update from being carried out a second time.
fn note(entry: &Received, id: String, at_ms: u64) -> Row {
    let target = Some(entry.target.clone());
    Row { id, target, ..told(first(entry, RowState::Update, at_ms), Stage::Stored, at_ms) }
}

/// New content is durable until it is on the screen, or handed with the row itself.
fn update(row: Row, entry: &Received, at_ms: u64) -> Step {
    let note = note(entry, entry.id.clone(), at_ms);
    let (payload, revision) = (entry.payload.clone(), entry.seq);
    let updated = Row { payload, expires_ms: entry.expires_ms, revision, deaths: 0, ..row };
    match updated.state {
        RowState::Stored => Step { write: vec![updated, note], outcome: Outcome::Quiet },
        RowState::Handed | RowState::Done => {
            let updated = Row { owed: Owed::Update, ..updated };
            Step { write: vec![updated.clone(), note], outcome: Outcome::Updated(updated) }
        }
        RowState::Closed
        | RowState::Recalled
        | RowState::Unusable
        | RowState::Expired
        | RowState::Left
        | RowState::Update => Step::quiet(note),
    }
}

fn withdraw(row: Option<Row>, entry: &Received, (state, stage): (RowState, Stage), at_ms: u64) -> Step {
    let Some(row) = row else { return Step::quiet(told(first(entry, state, at_ms), stage, at_ms)) };
    match row.state {
        RowState::Stored => Step::quiet(told(emptied(row, state), stage, at_ms)),
        RowState::Handed | RowState::Done => remove(told(row, stage, at_ms), state),
        // Somebody may have seen what was handed and expired before the app said that it is done.
        RowState::Expired if row.attempt > 0 => remove(told(row, stage, at_ms), state),
        RowState::Closed
        | RowState::Recalled
        | RowState::Unusable
        | RowState::Expired
        | RowState::Left
        | RowState::Update => Step::NOTHING,
    }
}

fn remove(row: Row, state: RowState) -> Step {
    let outcome = Outcome::Removed { id: row.id.clone(), attempt: row.attempt };
    Step::telling(Row { owed: Owed::Removal, ..emptied(row, state) }, outcome)
}

fn hand(row: Row, at_ms: u64) -> Step {
    let row = Row { state: RowState::Handed, owed: Owed::Nothing, attempt: row.attempt + 1, ..row };
    let row = told(row, Stage::Handed, at_ms);
    Step::telling(row.clone(), Outcome::Hand(row))
}

fn died(row: Row, at_ms: u64) -> Step {
    let row = Row { deaths: row.deaths + 1, ..row };
    if row.deaths >= DEATHS_MAX {
        return reject(row, &format!("the app died {DEATHS_MAX} times while it read the payload"), at_ms);
    }
    Step::quiet(row)
}

/// What is on the screen stays, and the update that kills is given up.
fn died_of_update(row: Row) -> Step {
    let row = Row { deaths: row.deaths + 1, ..row };
    Step::quiet(if row.deaths >= DEATHS_MAX { settled(row) } else { row })
}

fn finish(row: Row, at_ms: u64) -> Step {
    let outcome = Outcome::Finished(row.id.clone());
    let row = told(row, Stage::Shown, at_ms);
    let done = match row.owed {
        // The newer content is still to come.
        Owed::Update => Row { state: RowState::Done, deaths: 0, ..row },
        Owed::Nothing | Owed::Removal => emptied(row, RowState::Done),
    };
    Step::telling(done, outcome)
}

fn close(row: Row, at_ms: u64) -> Step {
    let row = told(row, Stage::Closed, at_ms);
    if row.owed == Owed::Update {
        return remove(row, RowState::Closed); // the update may be on its way to the screen
    }
    let outcome = Outcome::Closed(row.id.clone());
    Step::telling(emptied(row, RowState::Closed), outcome)
}

fn expire(row: Row, at_ms: u64) -> Step {
    let report = event(&row, DeviceEventType::Expired, at_ms);
    Step::telling(told(emptied(row, RowState::Expired), Stage::Expired, at_ms), Outcome::Report(report))
}

fn reject(row: Row, reason: &str, at_ms: u64) -> Step {
    let report = DeviceEvent { reason: Some(reason.to_owned()), ..event(&row, DeviceEventType::Rejected, at_ms) };
    Step::telling(told(emptied(row, RowState::Unusable), Stage::Unusable, at_ms), Outcome::Report(report))
}

fn event(row: &Row, kind: DeviceEventType, at_ms: u64) -> DeviceEvent {
    DeviceEvent::new(&row.id, kind, DateTime(at_ms))
}

/// The screen was given what it was owed, or cannot be.
fn settled(row: Row) -> Row {
    let row = Row { owed: Owed::Nothing, ..row };
    if row.state.is_open() { row } else { Row { payload: String::new(), deaths: 0, ..row } }
}

fn emptied(row: Row, state: RowState) -> Row {
    Row { state, owed: Owed::Nothing, payload: String::new(), deaths: 0, ..row }
}

fn told(mut row: Row, stage: Stage, at_ms: u64) -> Row {
    row.story.add(stage, at_ms);
    row
}

fn first(entry: &Received, state: RowState, at_ms: u64) -> Row {
    Row {
        id: entry.target.clone(),
        seq: entry.seq,
        lane: entry.lane,
        state,
        owed: Owed::Nothing,
        revision: 0,
        target: None,
        payload: if state == RowState::Stored { entry.payload.clone() } else { String::new() },
        user: entry.user.clone(),
        expires_ms: entry.expires_ms,
        received_ms: at_ms,
        attempt: 0,
        deaths: 0,
        story: Story::default(),
    }
}
