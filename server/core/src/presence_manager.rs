//! When devices were last heard of, and when they are expected next: in memory while online; written when they come and go, when they
//! promise something else, and between these now and then.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_model::{Device, DeviceId, Rest, Session, SessionEnd, Timestamp};
use longwire_store::Write;
use longwire_store::write::SessionStep;

use crate::log::Log;

/// Milliseconds for which what is written of an online device may be old: a server that crashed knows its devices' last contact to
/// within so much and a heartbeat. One write per device in so long rides in the log's groups; one per heartbeat would not.
const WRITTEN_EVERY_MS: i64 = 15 * 60 * 1_000;

/// The same for a changed promise: however often a device changes its mind, it costs one write in so long.
const PROMISE_WRITTEN_EVERY_MS: i64 = 60 * 1_000;

/// Contacts of the devices that are online.
pub struct PresenceManager {
    log: Log,
    contacts: Mutex<HashMap<DeviceId, Contact>>,
    /// Sessions that a newer login has ended; what they leave behind is told with their own end.
    replaced: Mutex<HashMap<DeviceId, Session>>,
    /// Sessions that have ended and are not written yet.
    ended: Arc<Mutex<HashMap<DeviceId, Session>>>,
    /// Requests of ours that the log has not answered yet.
    unwritten: Arc<AtomicUsize>,
}

/// When an online device was heard of, and when it promised to be heard of next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Contact {
    /// When its session began.
    pub began_at: Timestamp,
    /// When anything was last received from it.
    pub last_seen: Timestamp,
    /// When it is expected to be heard of next; none when it promised nothing.
    pub next_contact: Option<Timestamp>,
    written_at: Timestamp,
}

impl PresenceManager {
    /// Nobody is online.
    #[must_use]
    pub fn new(log: Log) -> Self {
        Self {
            log,
            contacts: Mutex::default(),
            replaced: Mutex::default(),
            ended: Arc::default(),
            unwritten: Arc::default(),
        }
    }

    fn contacts(&self) -> MutexGuard<'_, HashMap<DeviceId, Contact>> {
        // Each change is whole at once: so is what a panicking thread left.
        self.contacts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device has logged in, promising a heartbeat of so many seconds. An older session of it that is still there ends with this.
    pub fn came(&self, device: DeviceId, now: Timestamp, heartbeat_s: Option<u32>) {
        let next_contact = next_contact(now, heartbeat_s);
        let contact = Contact { began_at: now, last_seen: now, next_contact, written_at: now };
        let older = self.contacts().insert(device, contact);
        let older = older.map(|older| older.over(now, SessionEnd::Conflict, None));
        if let Some(older) = older.clone().filter(|older| older.began_at < now) {
            lock(&self.replaced).insert(device, older);
        }
        let ended = older.map(SessionStep::Ended);
        self.write(device, contact, None, ended.into_iter().chain([SessionStep::Began(now)]));
    }

    /// A device that is online promises another heartbeat from now on.
    pub fn promised(&self, device: DeviceId, now: Timestamp, heartbeat_s: u32) {
        self.note(device, now, Some(heartbeat_s), PROMISE_WRITTEN_EVERY_MS);
    }

    /// Something was received from a device that is online.
    pub fn heard(&self, device: DeviceId, now: Timestamp, heartbeat_s: Option<u32>) {
        self.note(device, now, heartbeat_s, WRITTEN_EVERY_MS);
    }

    /// Writes it, too, when what is written is so old.
    fn note(&self, device: DeviceId, now: Timestamp, heartbeat_s: Option<u32>, written_every_ms: i64) {
        let due = {
            let mut contacts = self.contacts();
            let Some(contact) = contacts.get_mut(&device) else { return };
            (contact.last_seen, contact.next_contact) = (now, next_contact(now, heartbeat_s));
            let is_due = now.millis_since(contact.written_at) >= written_every_ms;
            if is_due {
                contact.written_at = now;
            }
            is_due.then_some(*contact)
        };
        if let Some(contact) = due {
            self.write(device, contact, None, None);
        }
    }

    /// A device's session has ended, and it has no other. When the server ran again after
    /// it ended with it is written then.
    /// What it last promised stays: once that has passed, it is overdue.
    pub fn went(&self, device: DeviceId, now: Timestamp, end: SessionEnd, rest: Option<Rest>) {
        let Some(contact) = self.contacts().remove(&device) else { return };
        let session = contact.over(now, end, rest);
        lock(&self.ended).insert(device, session.clone());
        self.write(device, contact, Some(now), [SessionStep::Ended(session)]);
    }

    /// What a session left behind that a newer login of its device has ended.
    pub fn left(&self, device: DeviceId, rest: Rest) {
        let Some(session) = lock(&self.replaced).remove(&device) else { return };
        let step = SessionStep::Ended(Session { rest: Some(Arc::new(rest)), ..session });
        self.post(device, vec![Write::Session { device, step }], || ());
    }

    /// Sees that whoever came and went so far is on disk before it is read. A store that does not write keeps nobody from reading.
    pub async fn settle(&self) {
        if self.unwritten.load(Ordering::Acquire) > 0
            && let Err(error) = self.log.settle().await
        {
            tracing::debug!(%error, "who came and went is read as it was written last");
        }
    }

    fn write(
        &self,
        device: DeviceId,
        contact: Contact,
        offline_since: Option<Timestamp>,
        steps: impl IntoIterator<Item = SessionStep>,
    ) {
        let Contact { last_seen, next_contact, .. } = contact;
        let steps = steps.into_iter().map(|step| Write::Session { device, step });
        let writes = steps.chain([Write::Contact { device, last_seen, next_contact, offline_since }]).collect();
        let ended = Arc::clone(&self.ended);
        self.post(device, writes, move || {
            if offline_since.is_some() {
                lock(&ended).remove(&device);
            }
        });
    }

    /// Rides in a later group: nobody waits for it. `done` is called when it was written, or was not.
    fn post(&self, device: DeviceId, writes: Vec<Write>, done: impl FnOnce() + Send + 'static) {
        self.unwritten.fetch_add(1, Ordering::AcqRel);
        let unwritten = Arc::clone(&self.unwritten);
        self.log.post(writes, move |result| {
            unwritten.fetch_sub(1, Ordering::AcqRel);
            if let Err(error) = result {
                // The log tells of its overload, once for many.
                tracing::debug!(%device, %error, "when the device came or went was not written");
            }
            done();
        });
    }

    /// The session of a device that has ended and is not written yet.
    #[must_use]
    pub fn ended(&self, device: DeviceId) -> Option<Session> {
        lock(&self.ended).get(&device).cloned()
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

impl Contact {
    /// Its session, ended now.
    fn over(&self, now: Timestamp, end: SessionEnd, rest: Option<Rest>) -> Session {
        let rest = rest.map(Arc::new);
        Session { began_at: self.began_at, heard_at: self.last_seen, ended_at: now, end, resumed_at: None, rest }
    }
}

fn next_contact(now: Timestamp, heartbeat_s: Option<u32>) -> Option<Timestamp> {
    heartbeat_s.map(|seconds| now.plus_millis(i64::from(seconds) * 1_000))
}

fn lock(ended: &Mutex<HashMap<DeviceId, Session>>) -> MutexGuard<'_, HashMap<DeviceId, Session>> {
    // Each change is one insert or remove: what a panicking thread left is whole.
    ended.lock().unwrap_or_else(PoisonError::into_inner)
}
