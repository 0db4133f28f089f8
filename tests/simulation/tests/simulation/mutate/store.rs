//! Bugs of the server's store.

use std::collections::HashMap;

use longwire_model::device::Generation;
use longwire_model::{Account, LaneSeqs, Seq, Timestamp};
use longwire_store::memory::Snapshot;
use longwire_store::write::{AccountChange, Change};
use longwire_store::{Head, LoadedDevice, LogPage, Write};

use super::Mutation;

/// What expires sooner is gone, and swept, before the world is over.
const SHORT_MS: i64 = 3_600_000;
/// Of so many acknowledgements, one is lost.
const LOST_EVERY: u32 = 8;

/// What a mutated store remembers.
#[derive(Default)]
pub(crate) struct StoreMutant {
    /// Before the entries at the log's end that a sweep will take: the store, how long the log was, when the last of them expires.
    tail: Option<(Snapshot, usize, Timestamp)>,
    rows: u32,
    /// The salts that accounts had first.
    salts: HashMap<String, Vec<u8>>,
}

impl StoreMutant {
    /// Whether an acknowledgement is lost.
    pub(crate) fn loses_row(&mut self, mutation: Option<Mutation>) -> bool {
        self.rows += 1;
        mutation == Some(Mutation::RowOverGap) && self.rows.is_multiple_of(LOST_EVERY)
    }

    /// What an account is: FAST tokens are made from its salt.
    pub(crate) fn account(&mut self, mutation: Option<Mutation>, mut account: Account) -> Account {
        if mutation == Some(Mutation::TokenSurvives) {
            account.salt.clone_from(self.salts.entry(account.name.clone()).or_insert(account.salt.clone()));
        }
        account
    }

    /// Keeps what the store would be without the entries at its end, while all of those expire soon.
    pub(crate) fn before_commit(
        &mut self,
        writes: &[Write],
        now: Timestamp,
        store: impl FnOnce() -> (Snapshot, usize),
    ) {
        for write in writes {
            let expires_at = if let Write::Append { kind, .. } = write {
                kind.content().map(|content| content.routing.expires_at)
            } else if is_mark(write) {
                None
            } else {
                continue;
            };
            match (expires_at.filter(|expires_at| *expires_at < now.plus_millis(SHORT_MS)), &mut self.tail) {
                (None, tail) => return *tail = None,
                (Some(expires_at), Some((_, _, last))) => *last = expires_at.max(*last),
                (Some(expires_at), tail @ None) => {
                    let (snapshot, length) = store();
                    *tail = Some((snapshot, length, expires_at));
                    return;
                }
            }
        }
    }

    /// What the store is after a sweep that takes everything at its end.
    pub(crate) fn after_sweep(&mut self, before: Timestamp) -> Option<(Snapshot, usize)> {
        self.tail.take_if(|(_, _, last)| *last < before).map(|(snapshot, length, _)| (snapshot, length))
    }
}

/// Whether it appends what is never sent.
const fn is_mark(write: &Write) -> bool {
    matches!(
        write,
        Write::Generation { .. } | Write::Register(_) | Write::Membership { .. } | Write::RemoveDevice { .. }
    )
}

/// What the store says of the log.
pub(crate) fn head(mutation: Mutation, mut head: Head) -> Head {
    if mutation == Mutation::GenerationIgnored {
        // Behind each generation one that begins where nothing ever is.
        let endless = head.generations.iter().flat_map(|own| [*own, Generation { seq: Seq::MAX, ..*own }]);
        head.generations = endless.collect();
    }
    head
}

/// What the store says of a device; `last` is the log's end by now.
pub(crate) fn loaded(mutation: Mutation, mut loaded: LoadedDevice, last: Seq) -> LoadedDevice {
    if mutation == Mutation::LeaveForgotten {
        loaded.device.memberships.iter_mut().for_each(|own| own.left = None);
    }
    if mutation == Mutation::RegistrationIsNoJoin {
        let first = loaded.device.memberships.iter().map(|own| own.joined).min().unwrap_or_default();
        loaded.device.memberships.iter_mut().filter(|own| own.joined == first).for_each(|own| own.joined = 0);
        loaded.device.recorded = LaneSeqs::both(0);
    }
    if mutation == Mutation::ReadTooLate {
        loaded.as_of = last;
    }
    if mutation == Mutation::HeadsForgotten {
        loaded.heads.clear();
    }
    if mutation == Mutation::HeadsOfEitherLane {
        for (_, head) in &mut loaded.heads {
            head.newest = LaneSeqs::both(head.newest.normal.max(head.newest.background));
        }
    }
    loaded
}

/// A page of the log.
pub(crate) fn page(mutation: Mutation, mut page: LogPage) -> LogPage {
    if mutation == Mutation::PageEndsEarly {
        page.rows.pop();
    }
    if mutation == Mutation::NothingSupersedes {
        page.rows.iter_mut().for_each(|row| row.successors.clear());
    }
    page
}

/// What is answered, and not done.
pub(crate) fn unwritten(mutation: Option<Mutation>, writes: &mut [Write]) {
    for write in writes {
        match (mutation, write) {
            (Some(Mutation::RequestNotWritten), Write::Membership { change: change @ Change::Join(_), .. }) => {
                *change = Change::Leave("tag:nobody".parse().expect("a key"));
            }
            (
                Some(Mutation::DisabledNotWritten),
                Write::ChangeAccount { change: change @ AccountChange::Disabled(_), .. },
            ) => {
                *change = AccountChange::Disabled(false);
            }
            (Some(Mutation::ActionLost), Write::Action { used, .. }) => used.action = "nobody".to_owned(),
            _ => {}
        }
    }
}

/// A row that takes the record as it is.
pub(crate) fn stretched(mutation: Option<Mutation>, writes: &mut [Write], recorded: impl Fn(&Write) -> Option<Seq>) {
    if mutation != Some(Mutation::RowOverGap) {
        return;
    }
    for write in writes {
        let record = recorded(write);
        if let (Write::Acknowledge { row, .. }, Some(record)) = (write, record) {
            row.from = row.from.min(record);
        }
    }
}

/// From when on what has expired is swept.
pub(crate) fn swept_before(mutation: Option<Mutation>, before: Timestamp) -> Timestamp {
    if mutation == Some(Mutation::SweptEarly) { before.plus_millis(30 * 24 * SHORT_MS) } else { before }
}
