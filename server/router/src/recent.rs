//! The newest entries in memory: short gaps and late recalls are settled here, without the log.

use std::collections::VecDeque;
use std::sync::Arc;

use longwire_model::{Entry, EntryId, EntryKind, Filter, Seq};

/// Entries kept.
const ENTRIES_MAX: usize = 1_024;
/// Bytes of payload kept.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// A dense run of entries up to the watermark.
#[derive(Debug, Default)]
pub struct Recent {
    entries: VecDeque<Arc<Entry>>,
    floor: Seq,
    bytes: usize,
    /// How many of them are recalls or updates.
    followers: usize,
}

/// What later entries did to an earlier one.
#[derive(Clone, Debug, Default)]
pub struct Later {
    /// It (or its target) was recalled.
    pub recalled: bool,
    /// Newer notifications of the same lane, audience and collapse key: position and filter.
    pub successors: Vec<(Seq, Option<Filter>)>,
    /// The newest update of it (or of its target).
    pub update: Option<Arc<Entry>>,
}

impl Recent {
    /// Nothing in memory; everything up to `floor` is in the log only.
    #[must_use]
    pub fn new(floor: Seq) -> Self {
        Self { floor, ..Self::default() }
    }

    /// Everything above this position is here.
    #[must_use]
    pub const fn floor(&self) -> Seq {
        self.floor
    }

    /// Appends the next entry.
    pub fn push(&mut self, entry: Arc<Entry>) {
        self.bytes += cost(&entry);
        self.followers += usize::from(is_follower(&entry));
        self.entries.push_back(entry);
        while self.entries.len() > ENTRIES_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= cost(&oldest);
            self.followers -= usize::from(is_follower(&oldest));
            self.floor = oldest.seq;
        }
    }

    /// The entries above `after`, which must not lie below the floor.
    pub fn above(&self, after: Seq) -> impl Iterator<Item = &Arc<Entry>> {
        let first = self.entries.partition_point(|entry| entry.seq <= after);
        self.entries.range(first..)
    }

    /// What the entries above `after` did to `entry`.
    #[must_use]
    pub fn later(&self, entry: &Entry, after: Seq) -> Later {
        let mut later = Later::default();
        let collapses = entry.kind.content().is_some_and(|content| content.collapse_key.is_some());
        if self.followers == 0 && !collapses {
            return later;
        }
        let id = subject(entry);
        for newer in self.above(after.max(entry.seq)) {
            match &newer.kind {
                EntryKind::Recall(target, _) => later.recalled |= target.id == id,
                EntryKind::Update(target, _) if target.id == id => later.update = Some(Arc::clone(newer)),
                EntryKind::Notification(content) if supersedes(newer, entry) => {
                    later.successors.push((newer.seq, content.filter.clone()));
                }
                EntryKind::Notification(_)
                | EntryKind::Update(..)
                | EntryKind::Dismissal(..)
                | EntryKind::Membership(_)
                | EntryKind::Generation(_) => {}
            }
        }
        later
    }
}

/// Bytes that an entry takes of a window or of this memory: its payload and what stands around it in a stanza.
#[must_use]
pub fn cost(entry: &Entry) -> usize {
    const AROUND: usize = 320;
    AROUND + entry.kind.content().map_or(0, |content| content.payload.len())
}

const fn is_follower(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Recall(..) | EntryKind::Update(..))
}

/// The notification that an entry is about.
fn subject(entry: &Entry) -> EntryId {
    entry.kind.target().map_or(entry.id, |target| target.id)
}

/// Whether `newer` may take the place of `older`: same lane, audience expression and collapse key (DESIGN rule 4).
fn supersedes(newer: &Entry, older: &Entry) -> bool {
    match (&newer.kind, &older.kind) {
        (EntryKind::Notification(new), EntryKind::Notification(old)) => {
            old.collapse_key.is_some()
                && new.collapse_key == old.collapse_key
                && new.routing.lane == old.routing.lane
                && new.routing.audience == old.routing.audience
        }
        _ => false,
    }
}
