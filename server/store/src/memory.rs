//! A store in memory: the model that other stores are held against, and the store of fast tests. It can lose what was not synced,
//! be put back to an old copy, and refuse to write.

mod apply;
mod query;
mod sessions;
mod state;
mod sweep;

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use longwire_model::account::FastTokens;
use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId, Seq,
    Session, Timestamp, UserKey,
};

use crate::read::DeviceQuery;
use crate::write::Idempotency;
use crate::{DeliveryRow, Head, LoadedDevice, LogPage, LogQuery, Store, StoreError, StoredEntry, Write, Written};
use state::State;

/// A store in memory.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Inner>);

/// A copy of everything in a [`MemoryStore`], as an operator would keep a copy of the data directory.
#[derive(Clone, Debug)]
pub struct Snapshot(State);

#[derive(Debug, Default)]
struct Inner {
    now: State,
    /// What a crash goes back to; none while everything is synced.
    durable: Option<State>,
    is_manual: bool,
    failure: Option<String>,
}

impl MemoryStore {
    /// An empty store in which every commit is durable when it returns.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that keeps nothing over a [`crash`](Self::crash) but what was [synced](Self::sync): a disk that lies.
    #[must_use]
    pub fn unsynced() -> Self {
        Self(Mutex::new(Inner { is_manual: true, ..Inner::default() }))
    }

    /// Makes everything that is committed durable.
    pub fn sync(&self) {
        self.lock().durable = None;
    }

    /// Loses what was committed and not synced.
    pub fn crash(&self) {
        let mut inner = self.lock();
        if let Some(durable) = inner.durable.take() {
            inner.now = durable;
        }
    }

    /// A copy of everything that is committed.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.lock().now.clone())
    }

    /// Puts an old copy in place of everything.
    pub fn restore(&self, snapshot: &Snapshot) {
        let mut inner = self.lock();
        inner.now = snapshot.0.clone();
        inner.durable = None;
    }

    /// From now on every commit fails as [`StoreError::Unavailable`] with this reason; none ends that.
    pub fn set_unavailable(&self, reason: Option<&str>) {
        self.lock().failure = reason.map(str::to_owned);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        let mut inner = self.lock();
        inner.writable()?;
        inner.keep_durable();
        Ok(writes.into_iter().map(|write| inner.now.apply(write)).collect())
    }

    async fn head(&self, app: AppId) -> Result<Head, StoreError> {
        Ok(self.lock().now.head(app))
    }

    async fn device(&self, id: DeviceId) -> Result<Option<LoadedDevice>, StoreError> {
        Ok(self.lock().now.device(id))
    }

    async fn find_device(&self, app: AppId, account: &str, kind: &DeviceKind) -> Result<Option<DeviceId>, StoreError> {
        Ok(self.lock().now.find_device(app, account, kind))
    }

    async fn find_installations(&self, app: AppId, agent: &str) -> Result<Vec<(DeviceId, [u8; 32])>, StoreError> {
        Ok(self.lock().now.find_installations(app, agent))
    }

    async fn devices(&self, query: DeviceQuery) -> Result<Vec<Device>, StoreError> {
        Ok(self.lock().now.devices(&query))
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        Ok(self.lock().now.read_log(&query))
    }

    async fn entry(&self, app: AppId, id: EntryId) -> Result<Option<StoredEntry>, StoreError> {
        Ok(self.lock().now.entry(app, id))
    }

    async fn request(&self, app: AppId, key: &str, at: Timestamp) -> Result<Option<Idempotency>, StoreError> {
        Ok(self.lock().now.request(app, key, at))
    }

    async fn deliveries(
        &self,
        entry: &Entry,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        Ok(self.lock().now.deliveries(entry, after, limit))
    }

    async fn sessions(
        &self,
        devices: &[DeviceId],
        since: Timestamp,
    ) -> Result<HashMap<DeviceId, Vec<Session>>, StoreError> {
        Ok(self.lock().now.sessions(devices, since))
    }

    async fn audience_size(&self, app: AppId, keys: &[AudienceKey]) -> Result<u64, StoreError> {
        Ok(self.lock().now.audience_size(app, keys))
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        Ok(self.lock().now.accounts.get(name).cloned())
    }

    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<Account>, StoreError> {
        Ok(self.lock().now.accounts(after, limit))
    }

    async fn androidpn_account(&self, name: &str) -> Result<Option<AndroidpnAccount>, StoreError> {
        Ok(self.lock().now.androidpn.get(name).cloned())
    }

    async fn androidpn_accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AndroidpnAccount>, StoreError> {
        Ok(self.lock().now.androidpn_accounts(after, limit))
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        Ok(self.lock().now.keys.iter().find(|key| key.id == id).cloned())
    }

    async fn api_keys(&self, app: AppId) -> Result<Vec<ApiKey>, StoreError> {
        Ok(self.lock().now.api_keys(app))
    }

    async fn app_key(&self, id: &str) -> Result<Option<AppKey>, StoreError> {
        Ok(self.lock().now.app_keys.iter().find(|key| key.id == id).cloned())
    }

    async fn app_keys(&self, app: AppId) -> Result<Vec<AppKey>, StoreError> {
        Ok(self.lock().now.app_keys_of(app))
    }

    async fn user_key(&self, id: &str) -> Result<Option<UserKey>, StoreError> {
        Ok(self.lock().now.user_keys.iter().find(|key| key.id == id).cloned())
    }

    async fn user_keys(&self, app: AppId) -> Result<Vec<UserKey>, StoreError> {
        Ok(self.lock().now.user_keys_of(app))
    }

    async fn fast_tokens(&self, device: DeviceId) -> Result<Option<FastTokens>, StoreError> {
        Ok(self.lock().now.tokens.get(&device).cloned())
    }

    async fn floor(&self, app: AppId) -> Result<Seq, StoreError> {
        Ok(self.lock().now.apps.get(&app).map_or(0, |log| log.floor))
    }

    async fn sweep(&self, app: AppId, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let mut inner = self.lock();
        inner.writable()?;
        inner.keep_durable();
        Ok(inner.now.sweep(app, before, limit))
    }
}

impl Inner {
    fn writable(&self) -> Result<(), StoreError> {
        self.failure.clone().map_or(Ok(()), |reason| Err(StoreError::Unavailable(reason)))
    }

    /// Before the first commit that is not synced, keeps what a crash goes back to.
    fn keep_durable(&mut self) {
        if self.is_manual && self.durable.is_none() {
            self.durable = Some(self.now.clone());
        }
    }
}
