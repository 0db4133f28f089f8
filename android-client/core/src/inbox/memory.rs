//! A store in memory that forgets, at a crash, what was not synced.

use std::collections::BTreeMap;

use longwire_protocol::push::{Bound, Cursor, DeviceEvent, Lane, SeqSet};

use super::{
    Change, EntryKind, Outcome, Row, RowState, Snapshot, Step, Store, StoreError, Transaction, is_told_by, keep, leave,
    turn,
};
use crate::account::Record;
use crate::heartbeat::{Learned, NETWORKS_MAX};

/// The contents at one moment.
#[derive(Debug, Clone, Default)]
struct Contents {
    record: Record,
    rows: BTreeMap<String, (u64, Row)>,
    arrivals: u64,
    seqs: BTreeMap<(bool, u64), u64>,
    /// With the time of the server's answer.
    reports: Vec<(DeviceEvent, Option<u64>)>,
    networks: Vec<Learned>,
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

    /// The row with this id.
    #[must_use]
    pub fn row(&self, id: &str) -> Option<Row> {
        self.now.row(id)
    }

    /// The server's id of the device, as far as it is known.
    #[must_use]
    pub fn device(&self) -> Option<&str> {
        self.now.record.device.as_deref()
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
        let mut due: Vec<_> = self.now.rows.values().filter(|(_, row)| row.is_due()).collect();
        due.sort_by_key(|(arrival, _)| *arrival);
        let open = self.now.reports.iter().filter(|(_, answered)| answered.is_none());
        Ok(Snapshot {
            record: self.now.record.clone(),
            rows: due.into_iter().map(|(_, row)| row.clone()).collect(),
            reports: open.map(|(report, _)| report.clone()).collect(),
            networks: self.now.networks.clone(),
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
            | Change::Conflicts(_)
            | Change::Refusals(_) => {}
            Change::Cursor { .. } => self.record.know(at_ms),
            Change::Bound { bound, .. } => return self.bind(bound),
            Change::User(user) => return self.drop_rows_of_others(user.as_deref(), at_ms),
            Change::Keep(entry) => {
                if entry.seq > 0 {
                    self.seqs.insert((entry.lane == Lane::Background, entry.seq), at_ms);
                }
                let is_repeat = entry.kind == EntryKind::Update && self.rows.contains_key(&entry.id);
                return self.write(keep(self.row(&entry.target), is_repeat, entry, at_ms));
            }
            Change::Row(id, verb) => return self.write(turn(self.row(id), verb, at_ms)),
            Change::Report(report) => return self.report(report.clone()),
            Change::Reported(report) => self.reported(report, at_ms),
            Change::Network(learned) => self.learn(*learned),
            Change::Prune { before_ms } => self.prune(*before_ms),
        }
        Outcome::Quiet
    }

    fn row(&self, id: &str) -> Option<Row> {
        self.rows.get(id).map(|(_, row)| row.clone())
    }

    fn write(&mut self, step: Step) -> Outcome {
        for row in step.write {
            self.arrivals += 1;
            let arrival = self.rows.get(&row.id).map_or(self.arrivals, |(arrival, _)| *arrival);
            self.rows.insert(row.id.clone(), (arrival, row));
        }
        if let Outcome::Report(report) = step.outcome { self.report(report) } else { step.outcome }
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
                reports.extend(report);
            }
        }
        reports.retain(|report| self.report(report.clone()) != Outcome::Quiet);
        Outcome::Left(reports)
    }

    /// A report is told once, whether the server has answered it or not.
    fn report(&mut self, report: DeviceEvent) -> Outcome {
        if self.reports.iter().any(|(known, _)| is_told_by(&report, known)) {
            return Outcome::Quiet;
        }
        self.reports.push((report.clone(), None));
        Outcome::Report(report)
    }

    fn reported(&mut self, report: &DeviceEvent, at_ms: u64) {
        let open = self.reports.iter_mut().filter(|(known, answered)| answered.is_none() && is_told_by(report, known));
        open.for_each(|(_, answered)| *answered = Some(at_ms));
    }

    fn learn(&mut self, learned: Learned) {
        self.networks.retain(|known| known.network != learned.network);
        self.networks.push(learned);
        self.networks.sort_unstable_by_key(|known| std::cmp::Reverse(known.used));
        self.networks.truncate(NETWORKS_MAX);
    }

    fn prune(&mut self, before_ms: u64) {
        self.rows.retain(|_, (_, row)| row.is_due() || row.received_ms >= before_ms);
        self.seqs.retain(|_, at_ms| *at_ms >= before_ms);
        self.reports.retain(|(_, answered)| answered.is_none_or(|at_ms| at_ms >= before_ms));
    }
}
