//! The sender's ledger: who was a member of what, what was answered with a 2xx, and which ends each of it may have come to.

use std::collections::{BTreeMap, BTreeSet};

use crate::mix::Kind;

/// A notification that was answered with a 2xx.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Posted {
    /// The id in the answer.
    pub id: String,
    /// Whom it was for: the key that was posted.
    pub to: String,
    /// The lane; a device gets those of one lane in order.
    pub lane: String,
    /// Which part of a mix it is.
    pub kind: Kind,
    /// Who posted it, one after the other, and which of theirs it is: the order that devices must keep.
    pub sender: String,
    /// See `sender`.
    pub order: usize,
    /// Ends other than the screen that it may come to: `expired`, `rejected`, …
    pub may_end: BTreeSet<String>,
    /// When the answer to its recall came, in milliseconds since 1970: no screen begins to show it after that.
    pub recalled_at: Option<i64>,
    /// When it expires, likewise.
    pub expires_at: Option<i64>,
}

impl Posted {
    /// It may also come to this end.
    #[must_use]
    pub fn that_may_be(mut self, end: &str) -> Self {
        self.may_end.insert(end.to_owned());
        self
    }
}

/// The memberships, and everything that was accepted while they held.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    devices: BTreeSet<String>,
    members: BTreeMap<String, BTreeSet<String>>,
    posted: Vec<Posted>,
    /// How much was posted when a device came: it is in no audience before.
    since: BTreeMap<String, usize>,
    wiped: BTreeSet<String>,
    undone: BTreeSet<String>,
}

impl Ledger {
    /// A device exists from now on: it is in `all` and in the audience of its own id.
    pub fn add_device(&mut self, device: &str) {
        self.devices.insert(device.to_owned());
        self.since.entry(device.to_owned()).or_insert(self.posted.len());
    }

    /// A device's storage was wiped: what it had not shown by then may be lost with it.
    pub fn wipe(&mut self, device: &str) {
        self.wiped.insert(device.to_owned());
    }

    /// A restore has undone its acceptance: the server knows nothing of it, and who has shown it by then has shown it.
    pub fn undo(&mut self, id: &str) {
        self.undone.insert(id.to_owned());
    }

    /// Whether a restore has undone its acceptance.
    #[must_use]
    pub fn is_undone(&self, id: &str) -> bool {
        self.undone.contains(id)
    }

    /// How many were accepted, and are in the log.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.posted.len() - self.undone.len()
    }

    /// A device belongs to `user:…`, `topic:…` or `tag:…`.
    pub fn add_member(&mut self, key: &str, device: &str) {
        self.members.entry(key.to_owned()).or_default().insert(device.to_owned());
    }

    /// A notification was accepted.
    pub fn accept(&mut self, posted: Posted) {
        self.posted.push(posted);
    }

    /// Everything accepted, in the order in which it was entered here.
    #[must_use]
    pub fn posted(&self) -> &[Posted] {
        &self.posted
    }

    /// Changes what is known of a notification; an unknown id is none of this ledger's.
    pub fn amend(&mut self, id: &str, change: impl FnOnce(&mut Posted)) {
        if let Some(posted) = self.posted.iter_mut().find(|posted| posted.id == id) {
            change(posted);
        }
    }

    /// All devices.
    #[must_use]
    pub const fn devices(&self) -> &BTreeSet<String> {
        &self.devices
    }

    /// Whether this device's storage was wiped.
    #[must_use]
    pub fn is_wiped(&self, device: &str) -> bool {
        self.wiped.contains(device)
    }

    /// Whom the `number`th notification is for.
    #[must_use]
    pub fn audience(&self, number: usize) -> BTreeSet<String> {
        let Some(posted) = self.posted.get(number) else { return BTreeSet::new() };
        let mut named = match posted.to.strip_prefix("device:") {
            _ if posted.to == "all" => self.devices.clone(),
            Some(device) => self.devices.get(device).into_iter().cloned().collect(),
            None => self.members.get(&posted.to).cloned().unwrap_or_default(),
        };
        named.retain(|device| self.since.get(device).is_some_and(|since| *since <= number));
        named
    }

    /// How many showings that makes in all.
    #[must_use]
    pub fn showings(&self) -> usize {
        self.showings_since(0)
    }

    /// How many showings make those that were accepted behind the first so many.
    #[must_use]
    pub fn showings_since(&self, before: u64) -> usize {
        let before = usize::try_from(before).unwrap_or(usize::MAX);
        (before..self.posted.len()).map(|number| self.audience(number).len()).sum()
    }
}
