//! When devices were last heard of, and when they are expected next: in memory while online, written when they come and go.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use longwire_model::{Device, DeviceId, Timestamp};
use longwire_store::Write;

use crate::log::Log;

/// Milliseconds by which a device may be late before it counts as missing (DESIGN §5: twice its heartbeat and this).
const GRACE_MS: i64 = 10_000;

/// Contacts of the devices that are online.
pub struct PresenceManager {
    log: Log,
    contacts: Mutex<HashMap<DeviceId, Contact>>,
}

/// When an online device was heard of, and when it promised to be heard of next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When anything was last received from it.
    pub last_seen: Timestamp,
    /// When it has promised to be heard of next; none when it promised nothing.
    pub next_contact: Option<Timestamp>,
}

impl PresenceManager {
    /// Nobody is online.
    #[must_use]
    pub fn new(log: Log) -> Self {
        Self { log, contacts: Mutex::default() }
    }

    fn contacts(&self) -> MutexGuard<'_, HashMap<DeviceId, Contact>> {
        // Each change is one insert or remove: what a panicking thread left is whole.
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device has logged in, promising a heartbeat of so many seconds.
    pub fn came(&self, device: DeviceId, now: Timestamp, heartbeat_s: Option<u32>) {
        let contact = self.note(device, now, heartbeat_s);
        self.write(device, contact.last_seen, contact.next_contact, None);
    }

    /// Something was received from a device that is online.
    pub fn heard(&self, device: DeviceId, now: Timestamp, heartbeat_s: Option<u32>) {
        self.note(device, now, heartbeat_s);
    }

    fn note(&self, device: DeviceId, now: Timestamp, heartbeat_s: Option<u32>) -> Contact {
        let next_contact = heartbeat_s.map(|seconds| now.plus_millis(i64::from(seconds) * 1_000 + GRACE_MS));
        let contact = Contact { last_seen: now, next_contact };
        self.contacts().insert(device, contact);
        contact
    }

    /// A device's session has ended, and it has no other.
    pub fn went(&self, device: DeviceId, now: Timestamp) {
        let contact = self.contacts().remove(&device);
        let last_seen = contact.map_or(now, |contact| contact.last_seen);
        self.write(device, last_seen, None, Some(now));
    }

    fn write(&self, device: DeviceId, last_seen: Timestamp, next: Option<Timestamp>, offline_since: Option<Timestamp>) {
        let write = Write::Contact { device, last_seen, next_contact: next, offline_since };
        self.log.post(vec![write], move |result| {
            if let Err(error) = result {
                tracing::warn!(%device, %error, "when the device was last seen was not written");
            }
        });
    }

    /// The contact of an online device.
    #[must_use]
    pub fn contact(&self, device: DeviceId) -> Option<Contact> {
        self.contacts().get(&device).copied()
    }

    /// Brings a record read from the store up to this instant.
    pub fn refresh(&self, device: &mut Device) {
        match self.contact(device.id) {
            Some(contact) => {
                device.last_seen = Some(contact.last_seen);
                device.next_contact = contact.next_contact;
                device.offline_since = None;
            }
            None => device.offline_since = device.offline_since.or(device.last_seen),
        }
    }
}
