//! One durable step at a time; what comes up meanwhile travels together in the next one.

use longwire_protocol::push::Bound;

use crate::action::{Action, Actions};
use crate::inbox::{Change, Transaction, Verb};

/// What follows when a step is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Then {
    /// The installation stands: connect.
    Connect,
    /// The account stands: it may be registered.
    Register,
    /// The login of connection number `connection` stands: go online.
    GoOnline { connection: u64, bound: Bound, jid: String },
    /// What connection number `connection` brought stands up to these positions: acknowledge them.
    Acknowledge { connection: u64, normal: Option<u64>, background: Option<u64> },
}

/// The changes that wait, and those under way.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    changes: Vec<Change>,
    thens: Vec<Then>,
    under_way: Option<(Vec<Change>, Vec<Then>)>,
    is_paused: bool,
    payload_bytes: usize,
}

impl Journal {
    pub(crate) fn add(&mut self, change: Change) {
        if let Change::Keep(entry) = &change {
            self.payload_bytes += entry.payload.len();
        }
        self.changes.push(change);
    }

    /// Bytes of payload that wait for the step under way to end.
    pub(crate) const fn payload_bytes(&self) -> usize {
        self.payload_bytes
    }

    pub(crate) fn then(&mut self, then: Then) {
        self.thens.push(then);
    }

    /// Begins a step when none is under way.
    pub(crate) fn flush(&mut self, at_ms: u64, actions: &mut Actions<'_>) {
        if self.is_paused || self.under_way.is_some() || self.changes.is_empty() {
            return;
        }
        let changes = std::mem::take(&mut self.changes);
        self.payload_bytes = 0;
        let wishes = changes.iter().filter(|change| outlives_failure(change)).cloned().collect();
        self.under_way = Some((wishes, std::mem::take(&mut self.thens)));
        actions.push(Action::Store(Transaction { at_ms, changes }));
    }

    /// The step under way is durable: what follows, in order.
    pub(crate) fn stored(&mut self) -> Vec<Then> {
        self.under_way.take().map_or_else(Vec::new, |(_, thens)| thens)
    }

    /// The step under way failed. What the app said is kept for the next one; what the server sent is not, since it was not
    /// acknowledged and comes again.
    pub(crate) fn failed(&mut self) {
        let (mut wishes, _) = self.under_way.take().unwrap_or_default();
        wishes.extend(std::mem::take(&mut self.changes).into_iter().filter(outlives_failure));
        self.changes = wishes;
        self.thens.clear();
        self.payload_bytes = 0;
        self.is_paused = true;
    }

    /// The store answers again.
    pub(crate) fn resume(&mut self) {
        self.is_paused = false;
    }
}

/// Whether nobody would say it a second time.
fn outlives_failure(change: &Change) -> bool {
    match change {
        Change::Row(_, Verb::Finish | Verb::Close)
        | Change::Report(_)
        | Change::Reported(_)
        | Change::Conflicts(_)
        | Change::Refusals(_) => true,
        Change::Installation(_)
        | Change::Account(_)
        | Change::Registered
        | Change::ForgetToken
        | Change::Bound { .. }
        | Change::Cursor { .. }
        | Change::User(_)
        | Change::Network(_)
        | Change::Keep(_)
        | Change::Row(
            _,
            // What the screen was owed it is given again.
            Verb::Hand
            | Verb::Died
            | Verb::Expire
            | Verb::Reject(_)
            | Verb::Updated(_)
            | Verb::NotUpdated(_)
            | Verb::Removed,
        )
        | Change::Prune { .. } => false,
    }
}
