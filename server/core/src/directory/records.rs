//! Device records in places: one table leads from the id to the place, another from account and kind, and both hold places only.

use std::collections::hash_map::RandomState;
use std::collections::{HashMap, VecDeque};
use std::hash::BuildHasher;
use std::sync::Arc;

use longwire_model::DeviceId;
use longwire_model::device::DeviceKind;
use slab::Slab;

use super::record::Record;

/// Records kept in memory; above it the oldest go and are loaded again at their next login.
const DEVICES_MAX: usize = 50_000;

/// Where a record is; there are fewer than 2³² of them.
type Place = u32;

/// The records of devices.
#[derive(Debug, Default)]
pub(super) struct Records {
    records: Slab<Record>,
    places: HashMap<DeviceId, Place>,
    /// By half the hash of account and kind; who finds one looks whether it is that.
    by_kind: HashMap<u32, Place>,
    hasher: RandomState,
    /// From the oldest to the newest.
    order: VecDeque<Place>,
}

impl Records {
    pub(super) fn get(&self, id: DeviceId) -> Option<&Record> {
        self.records.get(index(*self.places.get(&id)?))
    }

    pub(super) fn get_mut(&mut self, id: DeviceId) -> Option<&mut Record> {
        self.records.get_mut(index(*self.places.get(&id)?))
    }

    /// The device of this account and kind.
    pub(super) fn find(&self, account: &str, kind: &DeviceKind) -> Option<DeviceId> {
        let record = self.records.get(index(*self.by_kind.get(&self.hash(account, kind))?))?;
        (*record.account == *account && record.kind == *kind).then_some(record.id())
    }

    /// Keeps the record of a device that has none; gives the oldest when there are more than may be.
    pub(super) fn insert(&mut self, record: Record) -> Option<Record> {
        let id = record.id();
        let place = Place::try_from(self.records.insert(record)).unwrap_or(Place::MAX);
        self.places.insert(id, place);
        self.list(place);
        self.order.push_back(place);
        if self.records.len() <= DEVICES_MAX {
            return None;
        }
        let oldest = self.order.pop_front()?;
        self.take(oldest)
    }

    pub(super) fn remove(&mut self, id: DeviceId) -> Option<Record> {
        let place = *self.places.get(&id)?;
        self.order.retain(|kept| *kept != place);
        self.take(place)
    }

    /// Gives a device to another account.
    pub(super) fn give(&mut self, id: DeviceId, account: Arc<str>) {
        let Some(&place) = self.places.get(&id) else { return };
        self.unlist(place);
        if let Some(record) = self.records.get_mut(index(place)) {
            record.account = account;
        }
        self.list(place);
    }

    fn take(&mut self, place: Place) -> Option<Record> {
        self.unlist(place);
        let record = self.records.try_remove(index(place))?;
        self.places.remove(&record.id());
        Some(record)
    }

    /// Makes a record one that is found by its account and kind.
    fn list(&mut self, place: Place) {
        let Some(record) = self.records.get(index(place)) else { return };
        let hash = self.hash(&record.account, &record.kind);
        self.by_kind.insert(hash, place);
    }

    fn unlist(&mut self, place: Place) {
        let Some(record) = self.records.get(index(place)) else { return };
        let hash = self.hash(&record.account, &record.kind);
        if self.by_kind.get(&hash) == Some(&place) {
            self.by_kind.remove(&hash);
        }
    }

    /// Two devices of one hash are rare, and harmless: the store finds the older one.
    fn hash(&self, account: &str, kind: &DeviceKind) -> u32 {
        let [_, _, _, _, half @ ..] = self.hasher.hash_one((account, kind)).to_be_bytes();
        u32::from_be_bytes(half)
    }
}

fn index(place: Place) -> usize {
    usize::try_from(place).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use longwire_model::{AppId, Device, KeyHead, LaneSeqs, Timestamp};

    use super::*;

    fn id(number: usize) -> DeviceId {
        DeviceId::from_bytes(u128::try_from(number).expect("a small number").to_be_bytes())
    }

    fn agent(number: usize) -> DeviceKind {
        DeviceKind::Push(format!("agent{number}"))
    }

    fn record(number: usize) -> Record {
        let device = Device {
            id: id(number),
            app: AppId::DEFAULT,
            account: String::new(),
            kind: agent(number),
            created_at: Timestamp::from_millis(0),
            recorded: LaneSeqs::default(),
            memberships: Vec::new(),
            last_seen: None,
            offline_since: None,
            next_contact: None,
            attempts: None,
            installation_hash: None,
        };
        Record::new(device, "a".into(), KeyHead::default())
    }

    #[test]
    fn one_is_found_by_its_id_and_by_its_account_and_kind_of_now() {
        let mut records = Records::default();
        for number in 0..3 {
            assert!(records.insert(record(number)).is_none());
        }
        assert_eq!(records.find("a", &agent(1)), Some(id(1)));
        records.give(id(1), "b".into());
        assert_eq!((records.find("a", &agent(1)), records.find("b", &agent(1))), (None, Some(id(1))));
        assert_eq!(records.remove(id(1)).map(|record| record.id()), Some(id(1)));
        assert_eq!((records.find("b", &agent(1)), records.get(id(1)).is_none()), (None, true));
        assert!(records.remove(id(1)).is_none());
        // Its place is another's now.
        assert!(records.insert(record(4)).is_none());
        assert_eq!(records.find("a", &agent(4)), Some(id(4)));
        assert_eq!(records.get(id(2)).map(|record| record.id()), Some(id(2)));
    }

    #[test]
    fn the_oldest_goes_above_the_bound() {
        let mut records = Records::default();
        for number in 0..DEVICES_MAX {
            assert!(records.insert(record(number)).is_none());
        }
        records.remove(id(0));
        assert!(records.insert(record(DEVICES_MAX)).is_none());
        assert_eq!(records.insert(record(DEVICES_MAX + 1)).map(|record| record.id()), Some(id(1)));
        assert!(records.get(id(1)).is_none() && records.find("a", &agent(1)).is_none());
        assert_eq!((records.records.len(), records.order.len()), (DEVICES_MAX, DEVICES_MAX));
    }
}
