//! The server's disk: the store in memory behind waits and outages, which loses at a crash what was not synced.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use longwire_model::account::FastTokens;
use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId, Lane,
    Seq, Session, Timestamp, UserKey,
};
use longwire_store::memory::Snapshot;
use longwire_store::read::DeviceQuery;
use longwire_store::write::Idempotency;
use longwire_store::{
    DeliveryRow, Head, LoadedDevice, LogPage, LogQuery, MemoryStore, Store, StoreError, StoredEntry, Write, Written,
};
use tokio::sync::oneshot;

use crate::Mutation;
use crate::mutate::{StoreMutant, store as mutant};
use crate::rng::Rng;
use crate::server::Hands;

/// The longest wait of a commit before it is on disk.
pub(crate) const COMMIT_MS: u64 = 60;
/// The longest wait of a device's record that was read.
pub(crate) const DEVICE_MS: u64 = 200;
/// The longest wait of a page of the log.
const PAGE_MS: u64 = 400;

/// Something waits for the disk; the world lets it go on.
pub(crate) struct Gate {
    pub(crate) wait_ms: u64,
    pub(crate) open: oneshot::Sender<()>,
}

/// An entry that was committed, and when.
#[derive(Clone)]
pub(crate) struct Commit {
    pub(crate) entry: Arc<Entry>,
    pub(crate) at_ms: u64,
}

/// What a disk does not do for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    Writes,
    Everything,
    /// From the next write on this process is answered nothing any more.
    ForGood,
}

/// A copy that an operator has made: what was on the disk, and how much of the ledger that was.
pub(crate) struct Copy {
    store: Snapshot,
    pub(crate) length: usize,
}

/// A disk of the server; it survives the processes that use it.
pub(crate) struct Disk {
    store: MemoryStore,
    inner: Mutex<Inner>,
    hands: Arc<Hands>,
    mutation: Option<Mutation>,
}

struct Inner {
    rng: Rng,
    gates: Vec<Gate>,
    /// Every entry that was committed, in the order of commits; what a crash or a restored copy forgot is taken out.
    ledger: Vec<Commit>,
    /// Counts how often something was taken out.
    forks: u64,
    recorded: BTreeMap<(DeviceId, Lane), Seq>,
    outage: Option<Outage>,
    /// Groups on their way to the disk, and those that are on disk and not announced yet.
    unsynced: u32,
    unannounced: u32,
    mutant: StoreMutant,
    /// Every wait is taken, and by itself those of these lengths are not let go.
    is_directed: bool,
    /// A write has failed for good, and with it the store as this process has opened it.
    has_failed: bool,
    /// Of the mutation that goes on after that: nothing is synced any more.
    is_deaf: bool,
    held: Option<u64>,
    held_gates: Vec<Gate>,
    /// The next acknowledgement is lost, and nobody is told.
    loses_row: bool,
    /// How often the log was read.
    reads: u64,
}

impl Disk {
    pub(crate) fn new(rng: Rng, hands: Arc<Hands>, mutation: Option<Mutation>) -> Arc<Self> {
        let inner = Inner {
            rng,
            gates: Vec::new(),
            ledger: Vec::new(),
            forks: 0,
            recorded: BTreeMap::new(),
            outage: None,
            unsynced: 0,
            unannounced: 0,
            mutant: StoreMutant::default(),
            is_directed: false,
            has_failed: false,
            is_deaf: false,
            held: None,
            held_gates: Vec::new(),
            loses_row: false,
            reads: 0,
        };
        // A transaction is visible when it is on disk and not before, so that only a disk that lies has something to forget.
        let lies = matches!(mutation, Some(Mutation::AnsweredBeforeSync | Mutation::SyncTriedAgain));
        let store = if lies { MemoryStore::unsynced() } else { MemoryStore::new() };
        Arc::new(Self { store, inner: Mutex::new(inner), hands, mutation })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics with it")
    }

    pub(crate) fn take_gates(&self) -> Vec<Gate> {
        std::mem::take(&mut self.inner().gates)
    }

    /// Whether a group is on its way to the disk: a crash forgets it.
    pub(crate) fn is_unsynced(&self) -> bool {
        self.inner().unsynced > 0
    }

    /// Whether a group is on disk that was not announced yet.
    pub(crate) fn is_unannounced(&self) -> bool {
        self.inner().unannounced > 0
    }

    /// Appends what was committed since `known`, or gives the whole ledger anew when something was taken out of it since `forks`.
    pub(crate) fn follow(&self, known: usize, forks: u64, mut take: impl FnMut(bool, &[Commit])) -> u64 {
        let inner = self.inner();
        let is_new = inner.forks != forks;
        take(is_new, &inner.ledger[if is_new { 0 } else { known }..]);
        inner.forks
    }

    /// Up to where a device has acknowledged, as far as this disk has seen.
    pub(crate) fn recorded(&self, device: DeviceId, lane: Lane) -> Option<Seq> {
        self.inner().recorded.get(&(device, lane)).copied()
    }

    pub(crate) fn set_outage(&self, outage: Option<Outage>) {
        self.inner().outage = outage;
    }

    pub(crate) fn outage(&self) -> Option<Outage> {
        self.inner().outage
    }

    /// The server's machine lost its power; what was synced is there.
    pub(crate) fn crash(&self) {
        self.store.crash();
        let mut inner = self.inner();
        (inner.unsynced, inner.unannounced) = (0, 0);
        inner.is_deaf = false;
    }

    pub(crate) fn copy(&self) -> Copy {
        Copy { store: self.store.snapshot(), length: self.inner().ledger.len() }
    }

    pub(crate) fn restore(&self, copy: &Copy) {
        self.store.restore(&copy.store);
        let mut inner = self.inner();
        inner.ledger.truncate(copy.length);
        inner.forks += 1;
        inner.recorded.clear();
    }

    /// Takes out of the ledger what the store has forgotten.
    pub(crate) async fn settle_ledger(&self) {
        let last = self.store.head(AppId::DEFAULT).await.map_or(0, |head| head.last);
        let mut inner = self.inner();
        if inner.ledger.last().is_some_and(|commit| commit.entry.seq > last) {
            inner.ledger.retain(|commit| commit.entry.seq <= last);
            inner.forks += 1;
        }
    }

    async fn wait(&self, up_to_ms: u64) {
        let receiver = {
            let mut inner = self.inner();
            if inner.rng.chance(50) && !inner.is_directed {
                return;
            }
            let (open, receiver) = oneshot::channel();
            let wait_ms = inner.rng.below(up_to_ms) + 1;
            let gates = if inner.held == Some(up_to_ms) { &mut inner.held_gates } else { &mut inner.gates };
            gates.push(Gate { wait_ms, open });
            receiver
        };
        // A world that ends drops the gate.
        drop(receiver.await);
    }

    fn readable(&self) -> Result<(), StoreError> {
        let (outage, has_failed) = {
            let inner = self.inner();
            (inner.outage, inner.has_failed)
        };
        if has_failed {
            return Err(failed());
        }
        match outage {
            Some(Outage::Everything) => Err(StoreError::Unavailable("the disk does not answer".to_owned())),
            Some(Outage::Writes | Outage::ForGood) | None => Ok(()),
        }
    }

    fn writable(&self) -> Result<(), StoreError> {
        self.readable()?;
        match self.outage() {
            Some(Outage::Everything | Outage::Writes) => Err(StoreError::Unavailable("no space left".to_owned())),
            Some(Outage::ForGood) => Err(failed()),
            None => Ok(()),
        }
    }

    /// Fails for good, after what was written has reached the disk all the same, or has not.
    async fn fail(&self, mut writes: Vec<Write>) -> StoreError {
        let is_there = {
            let mut inner = self.inner();
            let is_first = !std::mem::replace(&mut inner.has_failed, true);
            is_first && inner.rng.chance(50)
        };
        if is_there {
            self.mutate_commit(&mut writes);
            if let Ok(written) = self.store.commit(writes).await {
                self.note(Vec::new(), &written);
            }
            self.store.sync();
        }
        failed()
    }

    /// Whether this process is answered nothing any more.
    pub(crate) fn has_failed(&self) -> bool {
        self.inner().has_failed
    }

    /// Another process opens the store: what had failed for the one before works.
    pub(crate) fn reopen(&self) {
        let mut inner = self.inner();
        inner.has_failed = false;
        inner.outage.take_if(|outage| *outage == Outage::ForGood);
    }

    /// A store in which nothing is.
    pub(crate) fn blank(&self) -> Copy {
        Copy { store: MemoryStore::new().snapshot(), length: 0 }
    }

    /// From here on everything waits a little, and what waits up to `held_ms` until it is let go.
    pub(crate) fn direct(&self, held_ms: Option<u64>) {
        let mut inner = self.inner();
        inner.is_directed = true;
        inner.held = held_ms;
        let held = std::mem::take(&mut inner.held_gates);
        inner.gates.extend(held);
    }

    /// The next acknowledgement is answered and lost.
    pub(crate) fn lose_next_row(&self) {
        self.inner().loses_row = true;
    }

    /// How often the log was read.
    pub(crate) fn reads(&self) -> u64 {
        self.inner().reads
    }

    fn mutate_commit(&self, writes: &mut [Write]) {
        for write in writes.iter_mut() {
            let mut inner = self.inner();
            let inner = &mut *inner;
            let is_row = matches!(write, Write::Acknowledge { .. });
            if is_row && (std::mem::take(&mut inner.loses_row) || inner.mutant.loses_row(self.mutation)) {
                // Nothing is changed by what is as it was.
                let Write::Acknowledge { row, .. } = write else { continue };
                row.to = row.from;
                row.exceptions.clear();
                row.sent.clear();
            }
        }
        mutant::unwritten(self.mutation, writes);
        mutant::stretched(self.mutation, writes, |write| {
            let Write::Acknowledge { device, row } = write else { return None };
            self.recorded(*device, row.lane)
        });
        if self.mutation == Some(Mutation::CounterFromMax) {
            let now = Timestamp::from_millis(self.hands.wall_ms.load(Ordering::Relaxed));
            let mut inner = self.inner();
            let length = inner.ledger.len();
            inner.mutant.before_commit(writes, now, || (self.store.snapshot(), length));
        }
    }

    fn note(&self, acknowledgements: Vec<(usize, DeviceId, Lane, Seq)>, written: &[Written]) {
        let at_ms = self.hands.mono_ms.load(Ordering::Relaxed);
        let mut inner = self.inner();
        for written in written {
            if let Written::Appended(entry) = written {
                inner.ledger.push(Commit { entry: Arc::clone(entry), at_ms });
            }
        }
        for (index, device, lane, to) in acknowledgements {
            if matches!(written.get(index), Some(Written::Done)) {
                let recorded = inner.recorded.entry((device, lane)).or_default();
                *recorded = to.max(*recorded);
            }
        }
    }
}

fn failed() -> StoreError {
    StoreError::Fatal("a sync has failed".to_owned())
}

#[async_trait]
impl Store for Disk {
    async fn commit(&self, mut writes: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        self.inner().unsynced += 1;
        self.wait(COMMIT_MS).await;
        self.inner().unsynced -= 1;
        if self.outage() == Some(Outage::ForGood) {
            if self.mutation != Some(Mutation::SyncTriedAgain) {
                return Err(self.fail(writes).await);
            }
            let mut inner = self.inner();
            (inner.outage, inner.is_deaf) = (None, true);
        }
        self.writable()?;
        self.mutate_commit(&mut writes);
        let acknowledgements = writes.iter().enumerate().filter_map(|(index, write)| {
            let Write::Acknowledge { device, row } = write else { return None };
            Some((index, *device, row.lane, row.to))
        });
        let acknowledgements = acknowledgements.collect();
        let written = self.store.commit(writes).await?;
        self.note(acknowledgements, &written);
        let lies = match self.mutation {
            Some(Mutation::AnsweredBeforeSync) => {
                let mut inner = self.inner();
                inner.rng.chance(80) || inner.is_directed
            }
            _ => self.inner().is_deaf,
        };
        if !lies {
            self.store.sync();
        }
        self.inner().unannounced += 1;
        self.wait(30).await;
        self.inner().unannounced -= 1;
        Ok(written)
    }

    fn failure(&self) -> Option<String> {
        self.inner().has_failed.then(|| failed().to_string())
    }

    async fn head(&self, app: AppId) -> Result<Head, StoreError> {
        self.readable()?;
        let head = self.store.head(app).await?;
        Ok(match self.mutation {
            Some(mutation) => mutant::head(mutation, head),
            None => head,
        })
    }

    async fn device(&self, id: DeviceId) -> Result<Option<LoadedDevice>, StoreError> {
        self.readable()?;
        let loaded = self.store.device(id).await;
        self.wait(DEVICE_MS).await;
        let Some(mutation) = self.mutation else { return loaded };
        let last = self.store.head(AppId::DEFAULT).await?.last;
        Ok(loaded?.map(|loaded| mutant::loaded(mutation, loaded, last)))
    }

    async fn find_device(&self, app: AppId, account: &str, kind: &DeviceKind) -> Result<Option<DeviceId>, StoreError> {
        self.readable()?;
        let found = self.store.find_device(app, account, kind).await;
        self.wait(20).await;
        found
    }

    async fn find_installations(&self, app: AppId, agent: &str) -> Result<Vec<(DeviceId, [u8; 32])>, StoreError> {
        self.readable()?;
        self.store.find_installations(app, agent).await
    }

    async fn devices(&self, query: DeviceQuery) -> Result<Vec<Device>, StoreError> {
        self.readable()?;
        self.store.devices(query).await
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        self.readable()?;
        self.inner().reads += 1;
        let page = self.store.read_log(query).await;
        self.wait(PAGE_MS).await;
        let Some(mutation) = self.mutation else { return page };
        page.map(|page| mutant::page(mutation, page))
    }

    async fn entry(&self, app: AppId, id: EntryId) -> Result<Option<StoredEntry>, StoreError> {
        self.readable()?;
        self.store.entry(app, id).await
    }

    async fn request(&self, app: AppId, key: &str, at: Timestamp) -> Result<Option<Idempotency>, StoreError> {
        self.readable()?;
        self.store.request(app, key, at).await
    }

    async fn deliveries(
        &self,
        entry: &Entry,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.readable()?;
        self.store.deliveries(entry, after, limit).await
    }

    async fn sessions(
        &self,
        devices: &[DeviceId],
        since: Timestamp,
    ) -> Result<HashMap<DeviceId, Vec<Session>>, StoreError> {
        self.readable()?;
        self.store.sessions(devices, since).await
    }

    async fn audience_size(&self, app: AppId, keys: &[AudienceKey]) -> Result<u64, StoreError> {
        self.readable()?;
        self.store.audience_size(app, keys).await
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.readable()?;
        let account = self.store.account(name).await?;
        Ok(account.map(|account| self.inner().mutant.account(self.mutation, account)))
    }

    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<Account>, StoreError> {
        self.readable()?;
        self.store.accounts(after, limit).await
    }

    async fn androidpn_account(&self, name: &str) -> Result<Option<AndroidpnAccount>, StoreError> {
        self.readable()?;
        self.store.androidpn_account(name).await
    }

    async fn androidpn_accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AndroidpnAccount>, StoreError> {
        self.readable()?;
        self.store.androidpn_accounts(after, limit).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        self.readable()?;
        self.store.api_key(id).await
    }

    async fn api_keys(&self, app: AppId) -> Result<Vec<ApiKey>, StoreError> {
        self.readable()?;
        self.store.api_keys(app).await
    }

    async fn app_key(&self, id: &str) -> Result<Option<AppKey>, StoreError> {
        self.readable()?;
        self.store.app_key(id).await
    }

    async fn user_key(&self, id: &str) -> Result<Option<UserKey>, StoreError> {
        self.readable()?;
        self.store.user_key(id).await
    }

    async fn user_keys(&self, app: AppId) -> Result<Vec<UserKey>, StoreError> {
        self.readable()?;
        self.store.user_keys(app).await
    }

    async fn app_keys(&self, app: AppId) -> Result<Vec<AppKey>, StoreError> {
        self.readable()?;
        self.store.app_keys(app).await
    }

    async fn fast_tokens(&self, device: DeviceId) -> Result<Option<FastTokens>, StoreError> {
        self.readable()?;
        self.store.fast_tokens(device).await
    }

    async fn floor(&self, app: AppId) -> Result<Seq, StoreError> {
        self.readable()?;
        self.store.floor(app).await
    }

    async fn sweep(&self, app: AppId, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.writable()?;
        let before = mutant::swept_before(self.mutation, before);
        let swept = self.store.sweep(app, before, limit).await;
        self.store.sync();
        let tail = self.inner().mutant.after_sweep(before);
        if let Some((snapshot, _)) = tail {
            self.store.restore(&snapshot);
        }
        swept
    }
}
