//! Bugs of a phone: in what its store keeps and answers, and in what goes in and out of it.

use longwire_client::Action;
use longwire_client::inbox::{Change, EntryKind, MemoryStore, Outcome, RowState, Snapshot, Transaction};
use longwire_protocol::push::{Lane, SeqSet};

use super::{Mutation, attr, with_attr, without_attr};

/// How far the wall clock of a phone is ahead, in milliseconds.
const AHEAD_MS: i64 = 3 * 3_600_000;

/// What a mutated phone remembers.
#[derive(Clone, Debug, Default)]
pub(crate) struct PhoneMutant {
    /// Every seq that was ever stored, and those that were acknowledged, per lane.
    stored: [Vec<u64>; 2],
    acknowledged: [u64; 2],
}

const fn index(lane: Lane) -> usize {
    match lane {
        Lane::Normal => 0,
        Lane::Background => 1,
    }
}

impl PhoneMutant {
    /// What the store is given instead, before what was asked for.
    pub(crate) fn asked(&mut self, mutation: Mutation, store: &MemoryStore, transaction: &mut Transaction) {
        for change in &mut transaction.changes {
            if let Change::Keep(entry) = change {
                let is_known = store.state(&entry.target).is_some();
                if mutation == Mutation::UpdateIsNew && entry.kind == EntryKind::Update && !is_known {
                    entry.kind = EntryKind::Notification;
                }
                self.stored[index(entry.lane)].push(entry.seq);
            }
            let is_recall = matches!(change, Change::Keep(entry) if entry.kind == EntryKind::Recall);
            let is_user = matches!(change, Change::User(_));
            let is_dismissal = matches!(change, Change::Keep(entry) if entry.kind == EntryKind::Dismissal);
            if (mutation == Mutation::RecallIgnored && is_recall)
                || (mutation == Mutation::DismissalIgnored && is_dismissal)
                || (mutation == Mutation::FormerUsersRows && is_user)
            {
                *change = Change::Prune { before_ms: 0 };
            }
        }
    }

    /// What else the store is given in the same transaction.
    pub(crate) fn added(mutation: Mutation, before: &Snapshot, transaction: &Transaction) -> Vec<Change> {
        let mut added = Vec::new();
        for change in &transaction.changes {
            match (mutation, change) {
                (Mutation::LanesMixed, Change::Cursor { lane, seq }) => {
                    let other = if *lane == Lane::Normal { Lane::Background } else { Lane::Normal };
                    let own = before.record.cursor.as_ref().map_or(0, |cursor| match other {
                        Lane::Normal => cursor.normal,
                        Lane::Background => cursor.background,
                    });
                    if own < *seq {
                        added.push(Change::Cursor { lane: other, seq: *seq });
                    }
                }
                (Mutation::IdsForgotten, Change::Bound { bound, .. }) => {
                    let is_lower = before.record.cursor.as_ref().is_some_and(|own| bound.cursor.normal < own.normal);
                    if is_lower {
                        added.push(Change::Prune { before_ms: u64::MAX });
                    }
                }
                _ => {}
            }
        }
        added
    }

    /// What the store answers instead.
    pub(crate) fn answered(&self, mutation: Mutation, transaction: &Transaction, outcomes: &mut [Outcome]) {
        for (change, outcome) in transaction.changes.iter().zip(outcomes) {
            let (Change::Bound { bound, .. }, Outcome::Bound { normal, background }) = (change, outcome) else {
                continue;
            };
            let ends = [bound.cursor.normal, bound.cursor.background];
            let records = [bound.recorded_normal, bound.recorded_background];
            for (lane, set) in [normal, background].into_iter().enumerate() {
                let within = |seq: &u64| *seq > records[lane] && *seq <= ends[lane];
                if mutation == Mutation::NothingRestated {
                    *set = SeqSet::default();
                }
                if mutation == Mutation::SeqsOfOldTimeline {
                    *set = self.stored[lane].iter().copied().filter(within).collect();
                }
                if mutation == Mutation::SeqsForgotten {
                    let kept = set.ranges().iter().cloned().flatten();
                    *set = kept.filter(|seq| *seq > self.acknowledged[lane]).collect();
                }
            }
        }
    }

    /// What the phone does instead; none for nothing.
    pub(crate) fn done(&mut self, mutation: Mutation, action: Action) -> Action {
        if let Action::Write(bytes) = action {
            Action::Write(self.said(mutation, bytes))
        } else if let Action::Acknowledge(bytes) = action {
            Action::Acknowledge(self.said(mutation, bytes))
        } else {
            action
        }
    }

    fn said(&mut self, mutation: Mutation, bytes: Vec<u8>) -> Vec<u8> {
        let Ok(text) = std::str::from_utf8(&bytes) else { return bytes };
        if text.starts_with("<ack") {
            for (lane, name) in ["normal", "background"].into_iter().enumerate() {
                let seq = attr(text, name).and_then(|seq| seq.parse().ok()).unwrap_or(0);
                self.acknowledged[lane] = self.acknowledged[lane].max(seq);
            }
        }
        if mutation == Mutation::CursorNotStated && text.contains("<authenticate") {
            let without = ["generation", "normal", "background"];
            return without.iter().fold(text.to_owned(), |text, name| without_attr(&text, name)).into_bytes();
        }
        bytes
    }
}

/// What the phone hears instead.
pub(crate) fn heard(mutation: Mutation, store: &Snapshot, bytes: &[u8]) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.contains("<bound"))?;
    let at = text.find("<push")?;
    let (before, push) = text.split_at(at);
    let push = if mutation == Mutation::WallClock {
        let time: longwire_model::Timestamp = attr(push, "time")?.parse().ok()?;
        with_attr(push, "time", &time.plus_millis(AHEAD_MS).to_string())
    } else if mutation == Mutation::CursorNotLowered {
        let own = store.record.cursor.as_ref()?;
        let kept = [("normal", own.normal), ("background", own.background)];
        kept.iter().fold(push.to_owned(), |push, (name, own)| {
            let told = attr(&push, name).and_then(|seq| seq.parse::<u64>().ok()).unwrap_or(0);
            with_attr(&push, name, &told.max(*own).to_string())
        })
    } else {
        return None;
    };
    Some(format!("{before}{push}").into_bytes())
}

/// What a process finds instead.
pub(crate) fn found(mutation: Mutation, snapshot: &mut Snapshot) {
    if mutation == Mutation::RowsNotHandedAgain {
        snapshot.rows.clear();
    }
    if mutation == Mutation::EventsLost {
        snapshot.reports.clear();
    }
    if mutation == Mutation::EveryDeathCounts {
        let oldest = snapshot.rows.iter().find(|row| row.state == RowState::Stored || row.state == RowState::Handed);
        snapshot.noted = oldest.map(|row| row.id.clone());
    }
}
