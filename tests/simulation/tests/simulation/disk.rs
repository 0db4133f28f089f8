//! The server's disk: the store in memory behind waits, which loses at a crash what was not synced.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use longwire_model::account::FastTokens;
use longwire_model::{
    Account, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId, Membership, Seq,
    Session, Timestamp,
};
use longwire_store::memory::Snapshot;
use longwire_store::read::DeviceQuery;
use longwire_store::{
    DeliveryRow, Head, LoadedDevice, LogPage, LogQuery, MemoryStore, Store, StoreError, StoredEntry, Write, Written,
};
use tokio::sync::oneshot;

use crate::rng::Rng;
use crate::{Mutation, mutate};

/// Something waits for the disk; the world lets it go on.
pub(crate) struct Gate {
    pub(crate) wait_ms: u64,
    pub(crate) open: oneshot::Sender<()>,
}

/// A disk of the server; it survives the processes that use it.
pub(crate) struct Disk {
    store: MemoryStore,
    inner: Mutex<Inner>,
    mutation: Option<Mutation>,
}

struct Inner {
    rng: Rng,
    gates: Vec<Gate>,
    /// Every entry that was committed, in the order of commits; what a crash or a restored copy forgot is taken out.
    ledger: Vec<Arc<Entry>>,
    slow: bool,
}

impl Disk {
    pub(crate) fn new(rng: Rng, mutation: Option<Mutation>) -> Arc<Self> {
        let inner = Inner { rng, gates: Vec::new(), ledger: Vec::new(), slow: true };
        Arc::new(Self { store: MemoryStore::unsynced(), inner: Mutex::new(inner), mutation })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics with it")
    }

    pub(crate) fn take_gates(&self) -> Vec<Gate> {
        std::mem::take(&mut self.inner().gates)
    }

    pub(crate) fn ledger(&self) -> Vec<Arc<Entry>> {
        self.inner().ledger.clone()
    }

    /// The server's machine lost its power; what was synced is there.
    pub(crate) fn crash(&self) {
        self.store.crash();
    }

    pub(crate) fn snapshot(&self) -> (Snapshot, usize) {
        (self.store.snapshot(), self.inner().ledger.len())
    }

    pub(crate) fn restore(&self, (copy, length): &(Snapshot, usize)) {
        self.store.restore(copy);
        self.inner().ledger.truncate(*length);
    }

    /// Takes out of the ledger what the store has forgotten.
    pub(crate) async fn settle_ledger(&self) {
        let last = self.store.head(AppId::DEFAULT).await.map_or(0, |head| head.last);
        self.inner().ledger.retain(|entry| entry.seq <= last);
    }

    async fn wait(&self, up_to_ms: u64) {
        let receiver = {
            let mut inner = self.inner();
            if !inner.slow || inner.rng.chance(50) {
                return;
            }
            let (open, receiver) = oneshot::channel();
            let wait_ms = inner.rng.below(up_to_ms) + 1;
            inner.gates.push(Gate { wait_ms, open });
            receiver
        };
        // A world that ends drops the gate.
        drop(receiver.await);
    }
}

#[async_trait]
impl Store for Disk {
    async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        self.wait(60).await;
        let written = self.store.commit(writes).await?;
        for written in &written {
            if let Written::Appended(entry) = written {
                self.inner().ledger.push(Arc::clone(entry));
            }
        }
        let lies = self.mutation == Some(Mutation::AnsweredBeforeSync) && self.inner().rng.chance(80);
        if !lies {
            self.store.sync();
        }
        self.wait(30).await;
        Ok(written)
    }

    async fn head(&self, app: AppId) -> Result<Head, StoreError> {
        let head = self.store.head(app).await?;
        Ok(match self.mutation {
            Some(mutation) => mutate::head(mutation, head),
            None => head,
        })
    }

    async fn device(&self, id: DeviceId) -> Result<Option<LoadedDevice>, StoreError> {
        let loaded = self.store.device(id).await;
        self.wait(200).await;
        loaded
    }

    async fn find_device(&self, app: AppId, account: &str, kind: &DeviceKind) -> Result<Option<DeviceId>, StoreError> {
        let found = self.store.find_device(app, account, kind).await;
        self.wait(20).await;
        found
    }

    async fn find_installations(&self, app: AppId, agent: &str) -> Result<Vec<(DeviceId, [u8; 32])>, StoreError> {
        self.store.find_installations(app, agent).await
    }

    async fn devices(&self, query: DeviceQuery) -> Result<Vec<Device>, StoreError> {
        self.store.devices(query).await
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        let page = self.store.read_log(query).await;
        self.wait(400).await;
        page
    }

    async fn entry(&self, app: AppId, id: EntryId) -> Result<Option<StoredEntry>, StoreError> {
        self.store.entry(app, id).await
    }

    async fn deliveries(
        &self,
        entry: &Entry,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        self.store.deliveries(entry, after, limit).await
    }

    async fn sessions(
        &self,
        devices: &[DeviceId],
        since: Timestamp,
    ) -> Result<HashMap<DeviceId, Vec<Session>>, StoreError> {
        self.store.sessions(devices, since).await
    }

    async fn audience_size(&self, app: AppId, keys: &[AudienceKey]) -> Result<u64, StoreError> {
        self.store.audience_size(app, keys).await
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        self.store.account(name).await
    }

    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<Account>, StoreError> {
        self.store.accounts(after, limit).await
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        self.store.api_key(id).await
    }

    async fn api_keys(&self, app: AppId) -> Result<Vec<ApiKey>, StoreError> {
        self.store.api_keys(app).await
    }

    async fn app_key(&self, id: &str) -> Result<Option<AppKey>, StoreError> {
        self.store.app_key(id).await
    }

    async fn app_keys(&self, app: AppId) -> Result<Vec<AppKey>, StoreError> {
        self.store.app_keys(app).await
    }

    async fn fast_tokens(&self, device: DeviceId) -> Result<Option<FastTokens>, StoreError> {
        self.store.fast_tokens(device).await
    }

    async fn floor(&self, app: AppId) -> Result<Seq, StoreError> {
        self.store.floor(app).await
    }

    async fn sweep(&self, app: AppId, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let swept = self.store.sweep(app, before, limit).await;
        self.store.sync();
        swept
    }
}

/// The memberships of a device by the entries of the ledger: the reference model's own reading of rule 2.
pub(crate) fn memberships(ledger: &[Arc<Entry>], device: DeviceId) -> Vec<Membership> {
    let mut own: Vec<Membership> = Vec::new();
    for entry in ledger {
        let longwire_model::EntryKind::Membership(change) = &entry.kind else { continue };
        if change.device != device {
            continue;
        }
        for membership in own.iter_mut().filter(|own| own.left.is_none() && change.left.contains(&own.key)) {
            membership.left = Some(entry.seq);
        }
        let joined = change.joined.iter().map(|key| Membership { key: key.clone(), joined: entry.seq, left: None });
        own.extend(joined);
    }
    own
}
