//! The reference's own reading of the log: who was a member of what, what followed what, entry by entry as it was committed.

use std::collections::HashMap;
use std::sync::Arc;

use longwire_model::entry::Content;
use longwire_model::{AudienceKey, DeviceId, Entry, EntryId, EntryKind, Filter, Seq};

use crate::disk::{Commit, Disk};

/// A device held a key above `joined`, up to and with `left`.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub(crate) key: AudienceKey,
    pub(crate) joined: Seq,
    pub(crate) left: Option<Seq>,
}

impl Held {
    fn holds(&self, seq: Seq) -> bool {
        self.joined < seq && self.left.is_none_or(|left| left >= seq)
    }

    fn is_open_at(&self, seq: Seq) -> bool {
        self.joined <= seq && self.left.is_none_or(|left| left > seq)
    }
}

/// One timeline of the log.
#[derive(Clone, Default)]
pub(crate) struct Book {
    forks: u64,
    /// When a restored copy began it; 0 for the first.
    pub(crate) since_ms: u64,
    pub(crate) commits: Vec<Commit>,
    seqs: HashMap<EntryId, Seq>,
    held: HashMap<DeviceId, Vec<Held>>,
    /// Changes of memberships per device.
    changes: HashMap<DeviceId, Vec<Seq>>,
    recalls: HashMap<EntryId, Seq>,
    /// The latest update of each.
    updates: HashMap<EntryId, Seq>,
    dismissals: HashMap<EntryId, Vec<(Seq, AudienceKey)>>,
    collapsing: HashMap<Arc<str>, Vec<Seq>>,
    pub(crate) notifications: Vec<Seq>,
}

impl Book {
    /// Reads on; when the disk has forgotten something, from the start.
    pub(crate) fn follow(&mut self, disk: &Disk) {
        let known = self.commits.len();
        let mut fresh = Vec::new();
        let mut is_new = false;
        let forks = disk.follow(known, self.forks, |from_start, commits| {
            is_new = from_start;
            fresh.extend_from_slice(commits);
        });
        if is_new {
            *self = Self { since_ms: self.since_ms, ..Self::default() };
        }
        self.forks = forks;
        fresh.into_iter().for_each(|commit| self.read(commit));
    }

    fn read(&mut self, commit: Commit) {
        let entry = Arc::clone(&commit.entry);
        assert_eq!(entry.seq, self.commits.len() as u64 + 1, "positions are dense");
        self.seqs.insert(entry.id, entry.seq);
        self.commits.push(commit);
        match &entry.kind {
            EntryKind::Notification(content) => {
                self.notifications.push(entry.seq);
                if let Some(key) = &content.collapse_key {
                    self.collapsing.entry(Arc::clone(key)).or_default().push(entry.seq);
                }
            }
            EntryKind::Recall(target, _) => {
                self.recalls.entry(target.id).or_insert(entry.seq);
            }
            EntryKind::Dismissal(target, routing) => {
                let of = self.dismissals.entry(target.id).or_default();
                of.extend(routing.audience.iter().map(|key| (entry.seq, key.clone())));
            }
            EntryKind::Membership(change) => {
                let own = self.held.entry(change.device).or_default();
                for held in own.iter_mut().filter(|held| held.left.is_none() && change.left.contains(&held.key)) {
                    held.left = Some(entry.seq);
                }
                let joined = change.joined.iter();
                own.extend(joined.map(|key| Held { key: key.clone(), joined: entry.seq, left: None }));
                self.changes.entry(change.device).or_default().push(entry.seq);
            }
            EntryKind::Update(target, _) => {
                self.updates.insert(target.id, entry.seq);
            }
            EntryKind::Generation(_) => {}
        }
    }

    pub(crate) fn last(&self) -> Seq {
        self.commits.len() as u64
    }

    pub(crate) fn at(&self, seq: Seq) -> Option<&Commit> {
        self.commits.get(usize::try_from(seq.checked_sub(1)?).ok()?)
    }

    pub(crate) fn find(&self, id: EntryId) -> Option<&Commit> {
        self.at(*self.seqs.get(&id)?)
    }

    /// When the entry at a position was committed.
    pub(crate) fn at_ms(&self, seq: Seq) -> u64 {
        self.at(seq).map_or(u64::MAX, |commit| commit.at_ms)
    }

    /// The log's end at an instant.
    pub(crate) fn position(&self, at_ms: u64) -> Seq {
        self.commits.partition_point(|commit| commit.at_ms <= at_ms) as u64
    }

    pub(crate) fn held(&self, device: DeviceId) -> &[Held] {
        self.held.get(&device).map_or(&[], Vec::as_slice)
    }

    /// Whether an interval of the device holds `seq` for one of these keys.
    pub(crate) fn is_for(&self, device: DeviceId, audience: &[AudienceKey], seq: Seq) -> bool {
        self.held(device).iter().any(|held| held.holds(seq) && audience.contains(&held.key))
    }

    /// Where the last of the intervals that hold `seq` was left; none while one of them is open.
    pub(crate) fn left(&self, device: DeviceId, audience: &[AudienceKey], seq: Seq) -> Option<Seq> {
        let own = self.held(device).iter().filter(|held| held.holds(seq) && audience.contains(&held.key));
        own.map(|held| held.left).try_fold(0, |last, left| Some(left?.max(last)))
    }

    pub(crate) fn passes(&self, device: DeviceId, filter: &Filter, at: Seq) -> bool {
        filter.passes(|tag| self.held(device).iter().any(|held| held.key == *tag && held.is_open_at(at)))
    }

    /// Whether the device holds the key at a position.
    pub(crate) fn holds(&self, device: DeviceId, key: &AudienceKey, at: Seq) -> bool {
        self.held(device).iter().any(|held| held.key == *key && held.is_open_at(at))
    }

    /// The user, topics and tags of a device at a position, in order.
    pub(crate) fn open(&self, device: DeviceId, at: Seq) -> Vec<String> {
        let open = self.held(device).iter().filter(|held| held.is_open_at(at)).map(|held| held.key.as_str());
        let is_told = |key: &&str| ["user:", "topic:", "tag:"].iter().any(|kind| key.starts_with(kind));
        let mut keys: Vec<String> = open.filter(is_told).map(str::to_owned).collect();
        keys.sort_unstable();
        keys
    }

    /// Dismissals of every notification.
    pub(crate) fn all_dismissals(&self) -> impl Iterator<Item = (EntryId, &[(Seq, AudienceKey)])> {
        self.dismissals.iter().map(|(id, of)| (*id, of.as_slice()))
    }

    /// Positions at which memberships of the device changed.
    pub(crate) fn changes(&self, device: DeviceId) -> &[Seq] {
        self.changes.get(&device).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn recall(&self, id: EntryId) -> Option<Seq> {
        self.recalls.get(&id).copied()
    }

    /// The latest update.
    pub(crate) fn update(&self, id: EntryId) -> Option<&Commit> {
        self.at(*self.updates.get(&id)?)
    }

    pub(crate) fn dismissals(&self, id: EntryId) -> &[(Seq, AudienceKey)] {
        self.dismissals.get(&id).map_or(&[], Vec::as_slice)
    }

    /// Newer notifications that take the place of this one where their filter lets them.
    pub(crate) fn successors<'a>(&'a self, entry: &'a Entry, content: &'a Content) -> impl Iterator<Item = &'a Commit> {
        let same = content.collapse_key.as_ref().and_then(|key| self.collapsing.get(key));
        let newer = same.into_iter().flatten().filter(|seq| **seq > entry.seq).filter_map(|seq| self.at(*seq));
        newer.filter(|newer| {
            newer.entry.kind.routing().is_some_and(|routing| {
                routing.lane == content.routing.lane && routing.audience == content.routing.audience
            })
        })
    }
}
