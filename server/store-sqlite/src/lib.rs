//! The embedded store: one SQLite database in WAL mode with `synchronous=FULL`, one writer, a pool of readers.
//! A group of writes is one transaction and one fsync (DESIGN §7).
#![cfg_attr(not(feature = "trace"), forbid(unsafe_code))]

pub mod backup;
mod checkpoint;
mod commit;
mod direct;
mod error;
mod open;
mod owed;
mod payload;
mod read;
mod row;
mod sql;
mod sweep;
mod trace;
mod writer;

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use longwire_model::account::FastTokens;
use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId, Seq,
    Session, Timestamp, UserKey,
};
use longwire_store::read::DeviceQuery;
use longwire_store::write::Idempotency;
use longwire_store::{
    DeliveryRow, Head, LoadedDevice, LogPage, LogQuery, Store, StoreError, StoredEntry, Write, Written,
};
use sqlx::pool::PoolConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{Connection as _, Sqlite, Transaction};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

pub use error::OpenError;
pub use open::{FILE, Options};

use error::{Failure, Told};
use open::Place;
use owed::{Bounds, Owed, payer};
use writer::{Writer, WriterThread};

/// Bytes that a group puts into the write-ahead log, estimated: the pages at the ends of tables and indexes, which its writes share.
const GROUP_BYTES: u64 = 16 * 1024;
/// Bytes that one write adds to them, estimated: a page or two of its own, some of them its neighbours' as well.
const WRITE_BYTES: u64 = 4 * 1024;

/// A store in a data directory. Clones share it.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    inner: Arc<Inner>,
    /// The task that carries the log over, until it is waited for.
    carrier: Arc<Mutex<Option<JoinHandle<()>>>>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    place: Place,
    writer: WriterThread,
    readers: SqlitePool,
    owed: Arc<Owed>,
    /// Why this store is not used any more.
    failure: Arc<Failure>,
    /// Estimated bytes written since the log was last carried over.
    written_bytes: AtomicU64,
    checkpoint_due: Arc<Notify>,
    is_closing: AtomicBool,
}

impl SqliteStore {
    /// Opens the database in `dir`; makes both where they are missing. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// [`OpenError`] when the directory cannot be used, or holds a damaged or a newer database.
    pub async fn open(dir: &Path, options: Options) -> Result<Self, OpenError> {
        let place = Place::new(dir, options);
        let opened = open::open(&place).await?;
        let readers = place.readers();
        open_all(&place, &readers).await?;
        let failure = Arc::new(Failure::default());
        let Options { index_rows_max: rows_max, index_rows_at_once: rows_at_once, index_period, .. } = place.options;
        let owed = Arc::new(Owed::new(Bounds { rows_max, rows_at_once }));
        let writer = start(&place, &owed, &failure)?;
        // Behind the others: the last one that is closed carries the log over.
        opened.close().await.map_err(|error| open::failed(&place, error))?;
        let inner = Arc::new(Inner {
            place,
            writer,
            readers,
            owed: Arc::clone(&owed),
            failure,
            written_bytes: AtomicU64::new(0),
            checkpoint_due: Arc::new(Notify::new()),
            is_closing: AtomicBool::new(false),
        });
        let carrier = tokio::spawn(checkpoint::run(Arc::downgrade(&inner), Arc::clone(&inner.checkpoint_due)));
        tokio::spawn(payer::run(Arc::downgrade(&inner), owed, index_period));
        Ok(Self { inner, carrier: Arc::new(Mutex::new(Some(carrier))) })
    }

    /// Closes every connection and carries the log over; whatever is called afterwards fails.
    pub async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.is_closing.store(true, Ordering::Release);
        self.inner.checkpoint_due.notify_one();
        let carrier = self.carrier.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(carrier) = carrier
            && let Err(error) = carrier.await
        {
            tracing::error!(%error, "what carries the log over has ended");
        }
        // The last one carries the log over.
        self.inner.writer.close().await;
    }

    /// Shows every statement that any connection of this store starts from now on to `observe`.
    #[cfg(feature = "trace")]
    pub fn set_trace(&self, observe: Arc<dyn Fn(&str) + Send + Sync>) {
        self.inner.place.tracer.set(observe);
    }
}

fn start(place: &Place, owed: &Arc<Owed>, failure: &Arc<Failure>) -> Result<WriterThread, OpenError> {
    let writer = place.writer().and_then(|conn| Writer::new(conn, Arc::clone(owed)));
    let writer = writer.and_then(|writer| owed.load(&writer.conn, &writer.said).map(|()| writer));
    let writer = writer.map_err(|error| open::failed(place, error))?;
    WriterThread::start(place.clone(), writer, Arc::clone(failure))
        .map_err(|source| OpenError::Io { path: place.path.clone(), source })
}

/// Opens every connection of the pool: later there may be no file left for one.
async fn open_all(place: &Place, readers: &SqlitePool) -> Result<(), OpenError> {
    let mut held = Vec::new();
    for _ in 0..place.options.readers {
        held.push(readers.acquire().await.map_err(|error| open::failed(place, error))?);
    }
    Ok(())
}

impl Inner {
    /// Refuses once the store has failed.
    fn check(&self) -> Result<(), StoreError> {
        self.failure.check()
    }

    /// Judges a failure; a fatal one ends the use of this store.
    fn note(&self, error: &impl Told) -> StoreError {
        self.failure.note(error)
    }

    /// Runs `work`, a transaction that is on disk when this returns, on the thread that writes. It is carried out also when the caller stops
    /// waiting.
    async fn transact<T: Send + 'static>(
        &self,
        bytes: u64,
        work: impl FnOnce(&mut Writer) -> direct::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.check()?;
        let done = self.writer.run(work).await?;
        self.count(bytes);
        Ok(done)
    }

    fn count(&self, bytes: u64) {
        let written = self.written_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes;
        if written >= self.place.options.checkpoint_bytes {
            self.written_bytes.store(0, Ordering::Relaxed);
            self.checkpoint_due.notify_one();
        }
    }

    async fn reader(&self) -> Result<PoolConnection<Sqlite>, StoreError> {
        self.check()?;
        self.readers.acquire().await.map_err(|error| self.note(&error))
    }

    /// A reader that sees one state of the database throughout.
    async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>, StoreError> {
        self.check()?;
        self.readers.begin().await.map_err(|error| self.note(&error))
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.owed.begin();
        self.checkpoint_due.notify_one();
    }
}

/// Bytes that writes put into the write-ahead log, roughly.
fn estimate(writes: &[Write]) -> u64 {
    let payload = |write: &Write| {
        let Write::Append { kind, .. } = write else { return 0 };
        kind.content().map_or(0, |content| content.payload.len() as u64)
    };
    GROUP_BYTES + writes.iter().map(|write| WRITE_BYTES + payload(write)).sum::<u64>()
}

macro_rules! read {
    ($self:ident, $conn:ident, $query:expr) => {{
        let mut $conn = $self.inner.reader().await?;
        $query.await.map_err(|error| $self.inner.note(&error))
    }};
}

macro_rules! read_snapshot {
    ($self:ident, $conn:ident, $query:expr) => {{
        let mut $conn = $self.inner.snapshot().await?;
        $query.await.map_err(|error| $self.inner.note(&error))
    }};
}

#[async_trait]
impl Store for SqliteStore {
    async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Written>, StoreError> {
        let bytes = estimate(&writes);
        self.inner.transact(bytes, move |writer| commit::apply(writer, writes)).await
    }

    fn failure(&self) -> Option<String> {
        self.inner.failure.reason().cloned()
    }

    async fn head(&self, app: AppId) -> Result<Head, StoreError> {
        read_snapshot!(self, conn, read::devices::head_of(&mut conn, app))
    }

    async fn device(&self, id: DeviceId) -> Result<Option<LoadedDevice>, StoreError> {
        let mut conn = self.inner.reader().await?;
        // What is read is a state of from now on.
        let turn = self.inner.owed.turn();
        let loaded = read::devices::device(&mut conn, id).await.map_err(|error| self.inner.note(&error))?;
        Ok(loaded.map(|loaded| self.inner.owed.raise(turn, loaded)))
    }

    async fn find_device(&self, app: AppId, account: &str, kind: &DeviceKind) -> Result<Option<DeviceId>, StoreError> {
        read!(self, conn, read::devices::find_device(&mut conn, app, account, kind))
    }

    async fn find_installations(&self, app: AppId, agent: &str) -> Result<Vec<(DeviceId, [u8; 32])>, StoreError> {
        read!(self, conn, read::devices::find_installations(&mut conn, app, agent))
    }

    async fn devices(&self, query: DeviceQuery) -> Result<Vec<Device>, StoreError> {
        read_snapshot!(self, conn, read::devices::devices(&mut conn, query))
    }

    async fn read_log(&self, query: LogQuery) -> Result<LogPage, StoreError> {
        let owed = self.inner.owed.candidates(&query);
        read_snapshot!(self, conn, read::log::read(&mut conn, &query, owed))
    }

    async fn entry(&self, app: AppId, id: EntryId) -> Result<Option<StoredEntry>, StoreError> {
        read_snapshot!(self, conn, read::log::entry(&mut conn, app, id))
    }

    async fn request(&self, app: AppId, key: &str, at: Timestamp) -> Result<Option<Idempotency>, StoreError> {
        read!(self, conn, read::records::request(&mut conn, app, key, at))
    }

    async fn deliveries(
        &self,
        entry: &Entry,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError> {
        read_snapshot!(self, conn, read::deliveries::deliveries(&mut conn, entry, after, limit))
    }

    async fn sessions(
        &self,
        devices: &[DeviceId],
        since: Timestamp,
    ) -> Result<HashMap<DeviceId, Vec<Session>>, StoreError> {
        read!(self, conn, read::deliveries::sessions(&mut conn, devices, since))
    }

    async fn audience_size(&self, app: AppId, keys: &[AudienceKey]) -> Result<u64, StoreError> {
        read!(self, conn, read::devices::audience_size(&mut conn, app, keys))
    }

    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError> {
        read!(self, conn, read::records::account(&mut conn, name))
    }

    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<Account>, StoreError> {
        read!(self, conn, read::records::accounts(&mut conn, after, limit))
    }

    async fn androidpn_account(&self, name: &str) -> Result<Option<AndroidpnAccount>, StoreError> {
        read!(self, conn, read::records::androidpn_account(&mut conn, name))
    }

    async fn accounts_named(&self, names: &[String]) -> Result<Vec<Account>, StoreError> {
        read!(self, conn, read::records::accounts_named(&mut conn, names))
    }

    async fn androidpn_accounts_named(&self, names: &[String]) -> Result<Vec<AndroidpnAccount>, StoreError> {
        read!(self, conn, read::records::androidpn_accounts_named(&mut conn, names))
    }

    async fn androidpn_accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AndroidpnAccount>, StoreError> {
        read!(self, conn, read::records::androidpn_accounts(&mut conn, after, limit))
    }

    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError> {
        read!(self, conn, read::records::api_key(&mut conn, id))
    }

    async fn api_keys(&self, app: AppId) -> Result<Vec<ApiKey>, StoreError> {
        read!(self, conn, read::records::api_keys(&mut conn, app))
    }

    async fn app_key(&self, id: &str) -> Result<Option<AppKey>, StoreError> {
        read!(self, conn, read::records::app_key(&mut conn, id))
    }

    async fn app_keys(&self, app: AppId) -> Result<Vec<AppKey>, StoreError> {
        read!(self, conn, read::records::app_keys(&mut conn, app))
    }

    async fn user_key(&self, id: &str) -> Result<Option<UserKey>, StoreError> {
        read!(self, conn, read::records::user_key(&mut conn, id))
    }

    async fn user_keys(&self, app: AppId) -> Result<Vec<UserKey>, StoreError> {
        read!(self, conn, read::records::user_keys(&mut conn, app))
    }

    async fn fast_tokens(&self, device: DeviceId) -> Result<Option<FastTokens>, StoreError> {
        read!(self, conn, read::records::fast_tokens(&mut conn, device))
    }

    async fn floor(&self, app: AppId) -> Result<Seq, StoreError> {
        read!(self, conn, read::devices::end(&mut conn, app, "floor"))
    }

    async fn sweep(&self, app: AppId, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        let bytes = u64::from(limit) * WRITE_BYTES;
        let work = move |writer: &mut Writer| {
            let Writer { conn, owed, .. } = writer;
            let swept = direct::transaction(conn, || sweep::sweep(conn, owed, app, (before, limit)))?;
            owed.forget(app, &swept);
            Ok(swept.seqs.len() as u64)
        };
        self.inner.transact(bytes, work).await
    }
}
