//! A store in memory that forgets, at a crash, what was not synced.

use std::collections::BTreeMap;

use longwire_protocol::push::{Bound, Cursor, DeviceEvent, DeviceEventType, Lane, SeqSet};

use super::{Change, Outcome, Row, RowState, Snapshot, Step, Store, StoreError, Transaction, keep, leave, turn};
use crate::account::Record;

/// The contents at one moment.
#[derive(Debug, Clone, Default)]
struct Contents {
    record: Record,
    rows: BTreeMap<String, (u64, Row)>,
    arrivals: u64,
    seqs: BTreeMap<(bool, u64), u64>,
    reports: Vec<DeviceEvent>,
}

/// A device's store in memory, for tests and simulations.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    now: Contents,
    durable: Contents,
    unsynced: Vec<Transaction>,
    refusal: Option<String>,
    noted: Option<String>,
}

impl MemoryStore {
    /// An empty store.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes everything durable that was applied.
    pub fn sync(&mut self) {
        for transaction in std::mem::take(&mut self.unsynced) {
            for change in &transaction.changes {
                self.durable.change(change, transaction.at_ms);
            }
        }
    }

    /// The machine lost its power: what was not synced never happened.
    pub fn crash(&mut self) {
        self.unsynced.clear();
        self.now = self.durable.clone();
    }

    /// Notes whose payload is about to be parsed, or that none is.
    pub fn note(&mut self, id: Option<String>) {
        self.noted = id;
    }

    /// From now on every transaction is refused with this reason (a full disk), or none is.
    pub fn refuse(&mut self, reason: Option<&str>) {
        self.refusal = reason.map(str::to_owned);
    }

    /// Where the row with this id stands.
    #[must_use]
    pub fn state(&self, id: &str) -> Option<RowState> {
        self.now.rows.get(id).map(|(_, row)| row.state)
    }

    /// The seqs kept in a lane.
    #[must_use]
    pub fn seqs(&self, lane: Lane) -> SeqSet {
        self.now.seqs_in(lane, 0, u64::MAX)
    }
}

impl Store for MemoryStore {
    fn apply(&mut self, transaction: &Transaction) -> Result<Vec<Outcome>, StoreError> {
        if let Some(reason) = &self.refusal {
            return Err(StoreError(reason.clone()));
        }
        let outcomes = transaction.changes.iter().map(|change| self.now.change(change, transaction.at_ms)).collect();
        self.unsynced.push(transaction.clone());
        Ok(outcomes)
    }

    fn load(&self) -> Result<Snapshot, StoreError> {
        let mut open: Vec<_> = self.now.rows.values().filter(|(_, row)| row.state.is_open()).collect();
        open.sort_by_key(|(arrival, _)| *arrival);
        Ok(Snapshot {
            record: self.now.record.clone(),
            rows: open.into_iter().map(|(_, row)| row.clone()).collect(),
            reports: self.now.reports.clone(),
            noted: self.noted.clone(),
        })
    }
}

impl Contents {
    fn change(&mut self, change: &Change, at_ms: u64) -> Outcome {
        self.record.apply(change);
        match change {
            Change::Installation(_)
            | Change::Account(_)
            | Change::Registered
            | Change::ForgetToken
            | Change::Cursor { .. } => {}
            Change::Bound { bound, .. } => return self.bind(bound),
            Change::User(user) => return self.drop_rows_of_others(user.as_deref(), at_ms),
            Change::Keep(entry) => {
                if entry.seq > 0 {
                    self.seqs.insert((entry.lane == Lane::Background, entry.seq), at_ms);
                }
                return self.write(keep(self.row(&entry.target), entry, at_ms));
            }
            Change::Row(id, verb) => return self.write(turn(self.row(id), verb, at_ms)),
            Change::Report(report) => {
                self.report(report);
                return Outcome::Report(report.clone());
            }
            Change::Reported { entry, kind } => self.reported(entry, *kind),
            Change::Prune { before_ms } => self.prune(*before_ms),
        }
        Outcome::Quiet
    }

    fn row(&self, id: &str) -> Option<Row> {
        self.rows.get(id).map(|(_, row)| row.clone())
    }

    fn write(&mut self, step: Step) -> Outcome {
        if let Some(row) = step.write {
            self.arrivals += 1;
            let arrival = self.rows.get(&row.id).map_or(self.arrivals, |(arrival, _)| *arrival);
            self.rows.insert(row.id.clone(), (arrival, row));
        }
        if let Outcome::Report(report) = &step.outcome {
            self.report(report);
        }
        step.outcome
    }

    fn bind(&mut self, bound: &Bound) -> Outcome {
        let Cursor { normal, background, .. } = bound.cursor;
        self.seqs.retain(|(is_background, seq), _| *seq <= if *is_background { background } else { normal });
        Outcome::Bound {
            normal: self.seqs_in(Lane::Normal, bound.recorded_normal, normal),
            background: self.seqs_in(Lane::Background, bound.recorded_background, background),
        }
    }

    /// The seqs of a lane in `(above, upto]`.
    fn seqs_in(&self, lane: Lane, above: u64, upto: u64) -> SeqSet {
        let is_background = lane == Lane::Background;
        let seqs = self.seqs.keys().filter(|(b, seq)| *b == is_background && *seq > above && *seq <= upto);
        seqs.map(|(_, seq)| *seq).collect()
    }

    fn drop_rows_of_others(&mut self, user: Option<&str>, at_ms: u64) -> Outcome {
        let mut rows: Vec<_> = self.rows.values_mut().collect();
        rows.sort_by_key(|(arrival, _)| *arrival);
        let mut reports = Vec::new();
        for (_, row) in rows {
            if let Some((left, report)) = leave(row.clone(), user, at_ms) {
                *row = left;
                reports.push(report);
            }
        }
        reports.iter().for_each(|report| self.report(report));
        Outcome::Left(reports)
    }

    fn report(&mut self, report: &DeviceEvent) {
        if !self.reports.iter().any(|known| known.entry == report.entry && known.kind == report.kind) {
            self.reports.push(report.clone());
        }
    }

    fn reported(&mut self, entry: &str, kind: DeviceEventType) {
        self.reports.retain(|report| report.entry != entry || report.kind != kind);
    }

    fn prune(&mut self, before_ms: u64) {
        self.rows.retain(|_, (_, row)| row.state.is_open() || row.received_ms >= before_ms);
        self.seqs.retain(|_, at_ms| *at_ms >= before_ms);
    }
}
