//! Handing over (DESIGN rule 13): what comes of stored changes, and what the app says back.

use super::Machine;
use crate::action::{Action, Actions, HandOver};
use crate::inbox::{Change, Notification, Outcome, Owed, Row, RowState, Verb};

impl Machine {
    /// A process begins, or the store answers again: rows that are not done are handed again, with the same id, and the screen is
    /// given what it is owed. A row of a user that was never handed, or its update, waits until a login says whose device this is.
    pub(super) fn hand_again(&mut self, rows: Vec<Row>, now_ms: u64, actions: &mut Actions<'_>) {
        self.held.clear();
        for row in rows {
            let is_under_way = self.parsing.iter().any(|(parsing, _)| parsing.id == row.id);
            if row.owed == Owed::Removal {
                actions.push(Action::Cancel { id: row.id, attempt: row.attempt });
            } else if is_under_way || (row.owed == Owed::Nothing && self.handed.contains(&row.id)) {
                // This process has it in hand.
            } else if row.state == RowState::Handed && self.handed.contains(&row.id) {
                // Only its newer content is to come again, since this process handed the row.
                self.note(row, Manner::Update, actions);
            } else if row.state != RowState::Handed && row.user.is_some() {
                self.held.push(row);
            } else {
                self.hand_or_expire(&row, now_ms);
            }
        }
    }

    pub(super) fn hand_held(&mut self) {
        for row in std::mem::take(&mut self.held) {
            self.journal.add(Change::Row(row.id, Verb::Hand));
        }
    }

    fn hand_or_expire(&mut self, row: &Row, now_ms: u64) {
        let verb = if self.is_expired(row, now_ms) { Verb::Expire } else { Verb::Hand };
        self.journal.add(Change::Row(row.id.clone(), verb));
    }

    fn is_expired(&self, row: &Row, now_ms: u64) -> bool {
        row.expires_ms <= self.clock.at(now_ms)
    }

    /// Carries on with what came of a durable change.
    pub(super) fn outcome(&mut self, outcome: Outcome, now_ms: u64, actions: &mut Actions<'_>) {
        match outcome {
            Outcome::Quiet => {}
            Outcome::Bound { normal, background } => {
                if let Some(link) = &mut self.link {
                    link.restated = Some((normal, background));
                }
            }
            Outcome::Fresh(row) => self.hand_or_expire(&row, now_ms),
            Outcome::Once(row) => self.hand_once(row, now_ms, actions),
            Outcome::Updated(row) => self.note(row, Manner::Update, actions),
            Outcome::Hand(row) => self.note(row, Manner::Again, actions),
            Outcome::Finished(id) => {
                self.handed.remove(&id);
                actions.push(Action::Finished(id));
            }
            Outcome::Closed(id) => {
                self.give_up(&id);
                actions.push(Action::Finished(id));
            }
            Outcome::Removed { id, attempt } => {
                self.give_up(&id);
                actions.push(Action::Cancel { id, attempt });
            }
            Outcome::Left(reports) => reports.into_iter().for_each(|report| self.reports.add(report)),
            Outcome::Report(report) => self.reports.add(report),
        }
    }

    /// What was about to be handed over is over.
    fn give_up(&mut self, id: &str) {
        self.handed.remove(id);
        self.parsing.iter_mut().filter(|(row, _)| row.id == id).for_each(|(row, _)| row.expires_ms = 0);
    }

    /// The hand-over is on disk. A payload that kills the process must be known to the next one, so it is noted first.
    fn note(&mut self, row: Row, manner: Manner, actions: &mut Actions<'_>) {
        if self.parsing.is_empty() {
            actions.push(Action::Note(Some(row.id.clone())));
        }
        self.parsing.push_back((row, manner));
    }

    /// Parses what is noted, and notes the next.
    pub(super) fn noted(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if let Some((row, manner)) = self.parsing.pop_front() {
            self.hand(row, manner, now_ms, actions);
            actions.push(Action::Note(self.parsing.front().map(|(next, _)| next.id.clone())));
        }
    }

    fn hand(&mut self, row: Row, manner: Manner, now_ms: u64, actions: &mut Actions<'_>) {
        let is_update = manner == Manner::Update;
        let verb = if self.is_expired(&row, now_ms) {
            if is_update { Verb::NotUpdated(row.revision) } else { Verb::Expire }
        } else {
            match Notification::parse(&row.payload) {
                Ok(notification) => {
                    if !is_update {
                        self.handed.insert(row.id.clone());
                    }
                    return actions.push(hand_over(row, notification, manner));
                }
                // An update that cannot be read leaves what is on the screen.
                Err(_) if is_update => Verb::NotUpdated(row.revision),
                Err(error) => Verb::Reject(error.to_string()),
            }
        };
        self.journal.add(Change::Row(row.id, verb));
    }

    fn hand_once(&self, row: Row, now_ms: u64, actions: &mut Actions<'_>) {
        if self.is_expired(&row, now_ms) {
            return;
        }
        if let Ok(notification) = Notification::parse(&row.payload) {
            actions.push(hand_over(row, notification, Manner::Once));
        }
    }
}

/// How a row is handed over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Until the app is done with it.
    Again,
    /// Now or never.
    Once,
    /// Its newer content, until that is on the screen.
    Update,
}

fn hand_over(row: Row, notification: Notification, manner: Manner) -> Action {
    Action::HandOver(Box::new(HandOver {
        id: row.id,
        seq: row.seq,
        lane: row.lane,
        attempt: row.attempt,
        is_update: manner == Manner::Update,
        revision: row.revision,
        is_once: manner == Manner::Once,
        user: row.user,
        received_ms: row.received_ms,
        expires_ms: row.expires_ms,
        notification,
    }))
}
