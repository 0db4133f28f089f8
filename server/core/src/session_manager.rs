//! Sessions of all workers: who is bound where, announcing batches, ending sessions, waiting for watermarks.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use longwire_model::delivery::Progress;
use longwire_model::{AudienceKey, DeviceId, Entry, Lane, Seq};
use longwire_protocol::{Element, Jid};
use longwire_router::{Batch, SessionKey};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::yield_now;

use crate::error::CoreError;
use crate::pressure::Weight;

/// Sessions that one account may have bound at once (STZ-17).
pub const SESSIONS_PER_ACCOUNT_MAX: usize = 64;
/// Addresses that a session may have directed presence to at once.
pub const DIRECTED_MAX: usize = 64;
/// How long a change of membership waits for every worker to pass it.
const PASS_WAIT: Duration = Duration::from_secs(10);
/// Accounts whose last end is remembered.
const ENDED_MAX: usize = 65_536;

/// One thread that owns connections and a shard of sessions.
pub trait Worker: Send + Sync {
    /// Queues a command; commands of one sender are carried out in order.
    fn send(&self, command: Command);
    /// Queues a command in the same order for a sender that has many, and calls [`Worker::wake`] behind them.
    fn send_some(&self, command: Command) {
        self.send(command);
    }
    /// Sees that what [`Worker::send_some`] has queued is carried out.
    fn wake(&self) {}
    /// Up to where its shard has seen the log without a gap.
    fn watermark(&self) -> Seq;
}

/// A stanza on its way to a session, and what it weighs until it is there.
pub struct Parcel {
    /// The stanza.
    pub stanza: Element,
    /// Its bytes of memory.
    pub weight: Weight,
}

/// Where a worker tells how many of its sockets took a notification.
pub type Taken = mpsc::Sender<usize>;

/// What a worker is asked to do.
pub enum Command {
    /// The next committed batch.
    Announce(Arc<Batch>),
    /// A notification that is not in the log (`ttl: 0`); the worker answers with how many sockets took it.
    Now {
        /// The entry, with `seq` 0.
        entry: Arc<Entry>,
        /// The log's end when it was accepted.
        as_of: Seq,
        /// Where the count goes.
        taken: Taken,
    },
    /// Write a stanza to a session; dropped when the session has ended.
    Deliver(SessionKey, Parcel),
    /// End a session.
    End(SessionKey, EndReason),
    /// How far the entry at `seq` of `lane` has come on each device's session.
    Progress {
        /// The devices.
        devices: Arc<[DeviceId]>,
        /// The lane.
        lane: Lane,
        /// The position.
        seq: Seq,
        /// Where the answers go: only devices of this worker on which it is not acknowledged.
        answer: oneshot::Sender<Vec<(DeviceId, Progress)>>,
    },
}

/// Why a session is ended from outside its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    /// A newer login of the same resource or device, also by an account that took the device over: stream error `conflict`.
    Conflict,
    /// Its account or device was removed: stream error `not-authorized`.
    NotAuthorized,
    /// It must log in again: stream error `reset`.
    Reset,
}

/// A bound session.
#[derive(Clone, Debug)]
pub struct Session {
    /// Its key, unique in the process.
    pub key: SessionKey,
    /// The worker that owns it.
    pub worker: usize,
    /// The account.
    pub account: Arc<str>,
    /// The resource.
    pub resource: Arc<str>,
    /// The device, once known: at login for push sessions, at the initial presence for others.
    pub device: Option<DeviceId>,
    /// The priority of its last available presence (RFC 6121 §4.7.2.3); none before the initial presence and after unavailable.
    pub priority: Option<i8>,
    /// An original androidpn client: it gets pushes and nothing else, of nobody.
    pub is_androidpn: bool,
}

impl Session {
    /// Its worker, and its key there.
    #[must_use]
    pub const fn place(&self) -> (usize, SessionKey) {
        (self.worker, self.key)
    }
}

/// Whoever is about to wake the workers, for others too: does so also when it is given up.
struct Waking<'a>(&'a SessionManager);

impl Drop for Waking<'_> {
    fn drop(&mut self) {
        // Who comes from now on does it itself.
        self.0.is_waking.swap(false, Ordering::AcqRel);
        self.0.wake();
    }
}

/// Why a session was not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotListed {
    /// The account has as many sessions as it may.
    #[error("the account has as many sessions as it may")]
    TooMany,
    /// The account's sessions were ended after this one's credentials were looked at: they may be worth nothing any more.
    #[error("the account was changed or removed while it logged in")]
    Ended,
}

/// When credentials were looked at, counted in ends of accounts ([`SessionManager::ends`]).
pub type Proven = u32;

/// The registry of sessions and workers.
#[derive(Default)]
pub struct SessionManager {
    workers: OnceLock<Vec<Arc<dyn Worker>>>,
    next_key: AtomicU64,
    registry: Mutex<Registry>,
    passed: Notify,
    /// Somebody is about to wake the workers for what is not stored.
    is_waking: AtomicBool,
}

#[derive(Debug, Default)]
struct Registry {
    by_account: HashMap<Arc<str>, Vec<Session>>,
    by_device: HashMap<DeviceId, (usize, SessionKey)>,
    /// Whom a session has sent directed presence: they are told when it goes (RFC 6121 §4.6.3). Only of those that have.
    directed: HashMap<SessionKey, Vec<Jid>>,
    /// How many times an account was ended, and at which of these each account was ended last.
    ends: Proven,
    ended: HashMap<String, Proven>,
    /// Ends up to this one are forgotten: whatever was proven before it counts as ended.
    ends_forgotten: Proven,
}

impl SessionManager {
    /// Without workers.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the workers, once, before the first session.
    pub fn set_workers(&self, workers: Vec<Arc<dyn Worker>>) {
        let set = self.workers.set(workers);
        debug_assert!(set.is_ok(), "workers are named once");
    }

    fn workers(&self) -> &[Arc<dyn Worker>] {
        self.workers.get().map_or(&[], Vec::as_slice)
    }

    fn registry(&self) -> MutexGuard<'_, Registry> {
        // A panic between two changes of the registry leaves a session listed too long at worst; it is removed when its worker ends it.
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key for a new session.
    pub fn new_key(&self) -> SessionKey {
        SessionKey(self.next_key.fetch_add(1, Ordering::Relaxed))
    }

    /// Whether [`Self::add`] would list a session of this device now.
    #[must_use]
    pub fn has_room(&self, account: &str, device: Option<DeviceId>) -> bool {
        let registry = self.registry();
        let own = registry.by_account.get(account).map_or(&[][..], Vec::as_slice);
        let is_displaced = |older: &Session| older.device.is_some() && older.device == device;
        own.len() < SESSIONS_PER_ACCOUNT_MAX || own.iter().any(is_displaced)
    }

    /// How many times accounts were ended so far: to be noted before credentials are looked at, and shown when their session is listed.
    #[must_use]
    pub fn ends(&self) -> Proven {
        self.registry().ends
    }

    /// Lists a session whose credentials were looked at when [`Self::ends`] was `proven`. An older one of the same device, or of the same
    /// account and resource, is ended with `conflict`.
    ///
    /// # Errors
    /// [`NotListed`].
    pub fn add(&self, session: Session, proven: Proven) -> Result<(), NotListed> {
        let ended = self.registry().add(session, proven)?;
        self.end_all(ended, EndReason::Conflict);
        Ok(())
    }

    /// Tells which device a session turned out to be; an older session of that device is ended.
    pub fn set_device(&self, account: &str, key: SessionKey, device: DeviceId) {
        let older = self.registry().set_device(account, key, device);
        self.end_all(older, EndReason::Conflict);
    }

    /// Notes the priority of a session's presence, none when it is not available; gives what it was before.
    pub fn set_priority(&self, account: &str, key: SessionKey, priority: Option<i8>) -> Option<i8> {
        let mut registry = self.registry();
        let session = registry.find(account, key)?;
        std::mem::replace(&mut session.priority, priority)
    }

    /// Notes that `to` has directed presence of a session, or no longer has; false when it would be one too many.
    pub fn direct(&self, account: &str, key: SessionKey, to: &Jid, is_available: bool) -> bool {
        let mut registry = self.registry();
        registry.find(account, key).is_none() || registry.direct(key, to, is_available)
    }

    /// Takes out to whom a session has directed presence.
    pub fn take_directed(&self, key: SessionKey) -> Vec<Jid> {
        self.registry().directed.remove(&key).unwrap_or_default()
    }

    /// A session has ended; gives it back if it was still listed.
    pub fn remove(&self, account: &str, key: SessionKey) -> Option<Session> {
        self.registry().remove(account, key)
    }

    /// The sessions of an account.
    #[must_use]
    pub fn of_account(&self, account: &str) -> Vec<Session> {
        self.registry().by_account.get(account).cloned().unwrap_or_default()
    }

    /// The sessions of an account that stanzas of others reach: not those of original androidpn clients.
    #[must_use]
    pub fn reachable(&self, account: &str) -> Vec<Session> {
        self.look_at_reachable(account, <[Session]>::to_vec)
    }

    /// Looks at the sessions of an account that stanzas of others reach, where they are: `look` must not block, nor ask for sessions.
    pub(crate) fn look_at_reachable<T>(&self, account: &str, look: impl FnOnce(&[Session]) -> T) -> T {
        let registry = self.registry();
        let own = registry.by_account.get(account).map_or(&[][..], Vec::as_slice);
        if own.iter().any(|session| session.is_androidpn) {
            let others: Vec<Session> = own.iter().filter(|session| !session.is_androidpn).cloned().collect();
            return look(&others);
        }
        look(own)
    }

    /// Whether a device has a session.
    #[must_use]
    pub fn is_online(&self, device: DeviceId) -> bool {
        self.registry().by_device.contains_key(&device)
    }

    /// How many sessions are bound.
    #[must_use]
    pub fn session_count(&self) -> usize {
        self.registry().by_account.values().map(Vec::len).sum()
    }

    /// Ends every session of an account but `keep`, those too that are being made by credentials that were looked at before. To be called
    /// when what changed of the account is on disk.
    pub fn end_account(&self, account: &str, keep: Option<SessionKey>, reason: EndReason) {
        let sessions = self.registry().end(account, keep);
        self.end_all(sessions, reason);
    }

    fn end_all(&self, sessions: Vec<(usize, SessionKey)>, reason: EndReason) {
        for (worker, key) in sessions {
            if let Some(worker) = self.workers().get(worker) {
                worker.send(Command::End(key, reason));
            }
        }
    }

    /// Writes a stanza to the session at a worker's place; [`Self::wake`] is to follow, behind all that are sent at once.
    pub fn deliver(&self, (worker, key): (usize, SessionKey), parcel: Parcel) {
        if let Some(worker) = self.workers().get(worker) {
            worker.send_some(Command::Deliver(key, parcel));
        }
    }

    /// Sees that what was delivered is written. Every worker calls it in each of its turns: what led to it was one of these, or is
    /// followed by one.
    pub fn wake(&self) {
        self.workers().iter().for_each(|worker| worker.wake());
    }

    /// Hands a committed batch to every worker.
    pub(crate) fn announce(&self, batch: &Arc<Batch>) {
        for worker in self.workers() {
            worker.send(Command::Announce(Arc::clone(batch)));
        }
    }

    /// Offers a `ttl: 0` notification to every session that it may be for; gives how many sockets took it.
    pub(crate) async fn deliver_now(&self, entry: &Arc<Entry>, as_of: Seq) -> usize {
        let workers = self.workers_of(entry.kind.routing().map_or(&[], |routing| &routing.audience));
        let (taken, mut counts) = mpsc::channel(workers.len().max(1));
        for worker in workers {
            worker.send_some(Command::Now { entry: Arc::clone(entry), as_of, taken: taken.clone() });
        }
        drop(taken);
        self.wake_soon().await;
        let mut sum = 0;
        while let Some(count) = counts.recv().await {
            sum += count;
        }
        sum
    }

    /// Wakes the workers behind what others that are ready now have for them, or leaves it to one of these who does so.
    async fn wake_soon(&self) {
        if !self.is_waking.swap(true, Ordering::AcqRel) {
            let _waking = Waking(self);
            yield_now().await;
        }
    }

    /// The workers that may have sessions of an audience: of devices those where they are, else all.
    fn workers_of(&self, audience: &[AudienceKey]) -> Vec<&Arc<dyn Worker>> {
        let workers = self.workers();
        let devices: Option<Vec<DeviceId>> = audience.iter().map(AudienceKey::as_device).collect();
        let Some(devices) = devices else { return workers.iter().collect() };
        let registry = self.registry();
        let places = devices.iter().filter_map(|device| registry.by_device.get(device));
        let mut indices: Vec<usize> = places.map(|(worker, _)| *worker).collect();
        indices.sort_unstable();
        indices.dedup();
        indices.into_iter().filter_map(|index| workers.get(index)).collect()
    }

    /// How far the entry at `seq` of `lane` has come on the sessions of those of `devices` that have not acknowledged it.
    pub(crate) async fn progress(&self, devices: Vec<DeviceId>, lane: Lane, seq: Seq) -> HashMap<DeviceId, Progress> {
        let online: Vec<DeviceId> = {
            let registry = self.registry();
            devices.into_iter().filter(|device| registry.by_device.contains_key(device)).collect()
        };
        if online.is_empty() {
            return HashMap::new();
        }
        let devices: Arc<[DeviceId]> = online.into();
        let mut all = HashMap::new();
        for worker in self.workers() {
            let (answer, answered) = oneshot::channel();
            worker.send(Command::Progress { devices: Arc::clone(&devices), lane, seq, answer });
            // A worker that is shutting down drops the question: then nothing is known to be sent.
            all.extend(answered.await.unwrap_or_default());
        }
        all
    }

    /// A worker's watermark has moved.
    pub fn has_passed(&self) {
        self.passed.notify_waiters();
    }

    /// Waits until every worker has passed `seq`: then nobody is sent what ended there (DESIGN rule 3).
    ///
    /// # Errors
    /// [`CoreError::Unavailable`] when a worker does not come that far in ten seconds.
    pub async fn wait_passed(&self, seq: Seq) -> Result<(), CoreError> {
        let wait = async {
            loop {
                let notified = self.passed.notified();
                if self.workers().iter().all(|worker| worker.watermark() >= seq) {
                    return;
                }
                notified.await;
            }
        };
        let late = |_| CoreError::Unavailable("a worker has not passed the change yet; it is stored".to_owned());
        tokio::time::timeout(PASS_WAIT, wait).await.map_err(late)
    }
}

impl Registry {
    fn find(&mut self, account: &str, key: SessionKey) -> Option<&mut Session> {
        self.by_account.get_mut(account)?.iter_mut().find(|session| session.key == key)
    }

    /// False when `to` would be one address too many.
    fn direct(&mut self, key: SessionKey, to: &Jid, is_available: bool) -> bool {
        let directed = self.directed.entry(key).or_default();
        directed.retain(|known| known != to);
        let has_room = !is_available || directed.len() < DIRECTED_MAX;
        if is_available && has_room {
            directed.push(to.clone());
        }
        if directed.is_empty() {
            self.directed.remove(&key);
        }
        has_room
    }

    /// Notes the end of an account; gives its sessions but `keep`.
    fn end(&mut self, account: &str, keep: Option<SessionKey>) -> Vec<(usize, SessionKey)> {
        self.ends = self.ends.saturating_add(1);
        if self.ended.len() >= ENDED_MAX {
            self.ended.clear();
            self.ends_forgotten = self.ends;
        }
        self.ended.insert(account.to_owned(), self.ends);
        let own = self.by_account.get(account).map_or(&[][..], Vec::as_slice);
        own.iter().filter(|session| Some(session.key) != keep).map(|session| (session.worker, session.key)).collect()
    }

    fn is_ended(&self, account: &str, proven: Proven) -> bool {
        self.ended.get(account).copied().unwrap_or(0).max(self.ends_forgotten) > proven
    }

    fn add(&mut self, session: Session, proven: Proven) -> Result<Vec<(usize, SessionKey)>, NotListed> {
        if self.is_ended(&session.account, proven) {
            return Err(NotListed::Ended);
        }
        let own = self.by_account.entry(Arc::clone(&session.account)).or_default();
        let is_displaced = |older: &Session| {
            older.resource == session.resource || (older.device.is_some() && older.device == session.device)
        };
        if own.iter().filter(|older| !is_displaced(older)).count() >= SESSIONS_PER_ACCOUNT_MAX {
            return Err(NotListed::TooMany);
        }
        let ended: Vec<_> = own.extract_if(.., |older| is_displaced(older)).collect();
        let device = session.device.map(|device| (device, (session.worker, session.key)));
        // Most accounts have one session: no room for three more.
        own.reserve_exact(1);
        own.push(session);
        for older in &ended {
            self.directed.remove(&older.key);
            if let Some(device) = older.device {
                self.by_device.remove(&device);
            }
        }
        let mut keys: Vec<_> = ended.into_iter().map(|older| (older.worker, older.key)).collect();
        if let Some((device, place)) = device {
            // A takeover: the device's older session may be another account's.
            keys.extend(self.by_device.insert(device, place));
        }
        Ok(keys)
    }

    fn set_device(&mut self, account: &str, key: SessionKey, device: DeviceId) -> Vec<(usize, SessionKey)> {
        let Some(session) = self.find(account, key) else { return Vec::new() };
        session.device = Some(device);
        let place = (session.worker, session.key);
        self.by_device.insert(device, place).filter(|older| *older != place).into_iter().collect()
    }

    fn remove(&mut self, account: &str, key: SessionKey) -> Option<Session> {
        let own = self.by_account.get_mut(account)?;
        let index = own.iter().position(|session| session.key == key)?;
        let session = own.swap_remove(index);
        self.directed.remove(&key);
        if own.is_empty() {
            self.by_account.remove(account);
        }
        if let Some(device) = session.device
            && self.by_device.get(&device).is_some_and(|(_, current)| *current == key)
        {
            self.by_device.remove(&device);
        }
        Some(session)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use longwire_model::entry::{Content, Routing};
    use longwire_model::{AppId, EntryId, EntryKind, Timestamp};

    use super::*;

    /// A worker, one socket of which takes whatever is offered.
    #[derive(Default)]
    struct Taker(AtomicUsize);

    impl Worker for Taker {
        fn send(&self, command: Command) {
            if let Command::Now { taken, .. } = command {
                self.0.fetch_add(1, Ordering::Relaxed);
                taken.try_send(1).expect("somebody counts");
            }
        }

        fn watermark(&self) -> Seq {
            0
        }
    }

    fn entry(audience: &[AudienceKey]) -> Arc<Entry> {
        let routing = Routing { audience: audience.into(), lane: Lane::Normal, expires_at: Timestamp::from_millis(1) };
        let content = Content { routing, filter: None, collapse_key: None, payload: "{}".into() };
        Arc::new(Entry {
            app: AppId::DEFAULT,
            seq: 0,
            id: EntryId::from_bytes([5; 16]),
            created_at: Timestamp::from_millis(0),
            kind: EntryKind::Notification(content),
        })
    }

    /// Takes what it is offered when it is woken; counts how often it was.
    #[derive(Default)]
    struct Sleeper {
        offered: Mutex<Vec<Taken>>,
        wakes: AtomicUsize,
    }

    impl Worker for Sleeper {
        fn send(&self, command: Command) {
            if let Command::Now { taken, .. } = command {
                self.offered.lock().expect("no panic").push(taken);
            }
        }

        fn wake(&self) {
            self.wakes.fetch_add(1, Ordering::Relaxed);
            for taken in self.offered.lock().expect("no panic").drain(..) {
                // Who asked may have given up.
                let _: Result<(), _> = taken.try_send(1);
            }
        }

        fn watermark(&self) -> Seq {
            0
        }
    }

    #[tokio::test]
    async fn what_is_offered_together_is_woken_for_once_also_by_who_gives_up() {
        let (sessions, sleeper) = (SessionManager::new(), Arc::new(Sleeper::default()));
        sessions.set_workers(vec![Arc::clone(&sleeper) as Arc<dyn Worker>]);
        let entry = entry(&[AudienceKey::all()]);
        let wakes = || sleeper.wakes.swap(0, Ordering::Relaxed);
        let offer = || sessions.deliver_now(&entry, 0);
        assert_eq!((tokio::join!(offer(), offer(), offer()), wakes()), ((1, 1, 1), 1));
        let given_up = tokio::select! {
            biased;
            count = offer() => Some(count),
            () = std::future::ready(()) => None,
        };
        assert_eq!((given_up, wakes()), (None, 1));
        assert_eq!((offer().await, wakes()), (1, 1));
    }

    #[tokio::test]
    async fn what_is_for_devices_is_offered_where_they_are_and_other_things_everywhere() {
        let sessions = SessionManager::new();
        let takers = [Arc::new(Taker::default()), Arc::new(Taker::default())];
        sessions.set_workers(takers.iter().map(|taker| Arc::clone(taker) as Arc<dyn Worker>).collect());
        let device = DeviceId::from_bytes([1; 16]);
        let session = Session {
            key: sessions.new_key(),
            worker: 1,
            account: "a".into(),
            resource: "r".into(),
            device: Some(device),
            priority: None,
            is_androidpn: false,
        };
        sessions.add(session, 0).expect("room");
        let (own, other) = (AudienceKey::device(device), AudienceKey::device(DeviceId::from_bytes([2; 16])));
        let user: AudienceKey = "user:alice".parse().expect("a key");
        for (audience, asked) in [
            (vec![own.clone()], [0, 1]),
            (vec![own.clone(), other.clone()], [0, 1]),
            (vec![other.clone()], [0, 0]),
            (vec![own, user], [1, 1]),
            (vec![AudienceKey::all()], [1, 1]),
        ] {
            let entry = entry(&audience);
            assert_eq!(sessions.deliver_now(&entry, 0).await, asked.iter().sum::<usize>());
            let offered = takers.each_ref().map(|taker| taker.0.swap(0, Ordering::Relaxed));
            assert_eq!(offered, asked, "{entry:?}");
        }
    }
}
