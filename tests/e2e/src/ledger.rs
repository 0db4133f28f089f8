//! What the sender knows: the memberships that it made and the notifications that were accepted.

use std::collections::{BTreeMap, BTreeSet};

/// A notification that was answered with a 2xx.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The id in the answer.
    pub id: String,
    /// Whom it was for: the key that was posted.
    pub to: String,
}

/// The memberships, and everything that was accepted while they held.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    devices: BTreeSet<String>,
    members: BTreeMap<String, BTreeSet<String>>,
    accepted: Vec<Accepted>,
}

impl Ledger {
    /// A device exists: it is in `all` and in the audience of its own id.
    pub fn add_device(&mut self, device: &str) {
        self.devices.insert(device.to_owned());
    }

    /// A device belongs to `user:…`, `topic:…` or `tag:…`.
    pub fn add_member(&mut self, key: &str, device: &str) {
        self.members.entry(key.to_owned()).or_default().insert(device.to_owned());
    }

    /// A notification was accepted.
    pub fn accept(&mut self, accepted: Accepted) {
        self.accepted.push(accepted);
    }

    /// Everything accepted, in the order in which the answers came.
    #[must_use]
    pub fn accepted(&self) -> &[Accepted] {
        &self.accepted
    }

    /// All devices.
    #[must_use]
    pub const fn devices(&self) -> &BTreeSet<String> {
        &self.devices
    }

    /// Whom a key means.
    #[must_use]
    pub fn audience(&self, key: &str) -> BTreeSet<String> {
        if key == "all" {
            return self.devices.clone();
        }
        if let Some(device) = key.strip_prefix("device:") {
            return self.devices.get(device).into_iter().cloned().collect();
        }
        self.members.get(key).cloned().unwrap_or_default()
    }

    /// Per device, the ids that its screen must show once each.
    #[must_use]
    pub fn expected(&self) -> BTreeMap<String, BTreeSet<String>> {
        let mut expected: BTreeMap<String, BTreeSet<String>> =
            self.devices.iter().map(|device| (device.clone(), BTreeSet::new())).collect();
        for accepted in &self.accepted {
            for device in self.audience(&accepted.to) {
                expected.entry(device).or_default().insert(accepted.id.clone());
            }
        }
        expected
    }

    /// How many showings that makes in all.
    #[must_use]
    pub fn showings(&self) -> usize {
        self.accepted.iter().map(|accepted| self.audience(&accepted.to).len()).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_key_means_its_devices() {
        let mut ledger = Ledger::default();
        for device in ["a", "b", "c"] {
            ledger.add_device(device);
        }
        ledger.add_member("user:u", "a");
        ledger.add_member("user:u", "b");
        let names = |key| ledger.audience(key).into_iter().collect::<Vec<_>>();
        assert_eq!(names("all"), ["a", "b", "c"]);
        assert_eq!(names("device:b"), ["b"]);
        assert_eq!(names("device:x"), Vec::<String>::new());
        assert_eq!(names("user:u"), ["a", "b"]);
        assert_eq!(names("topic:nobody"), Vec::<String>::new());
    }
}
