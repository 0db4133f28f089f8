//! The managers, the log's writer, the directory of devices and the IQ table. Knows the store's traits, never an engine.

#![forbid(unsafe_code)]

pub mod androidpn;
pub mod auth_manager;
pub mod busy;
pub mod devices;
pub mod directory;
pub mod env;
pub mod error;
pub mod iq;
mod known;
pub mod log;
pub mod login;
pub mod metrics;
pub mod notification_manager;
pub mod presence_manager;
pub mod pressure;
pub mod rate;
pub mod render;
pub mod routing;
pub mod session_manager;
pub mod shown;

use std::sync::Arc;

use longwire_model::{AppId, DeviceId, NamePattern};
use longwire_store::Store;

pub use auth_manager::AuthManager;
pub use directory::Directory;
pub use env::{Clock, Env, HeavyWork, Random};
pub use error::CoreError;
pub use iq::IqTable;
pub use log::Log;
pub use metrics::Metrics;
pub use notification_manager::NotificationManager;
pub use presence_manager::PresenceManager;
pub use pressure::Pressure;
pub use session_manager::SessionManager;

use auth_manager::ApiKeys;
use rate::Rates;

/// Pages that a notification of some KiB takes of the disk, with all that is written beside it.
const PROBE_PAGES: i64 = 16;

/// What the core is told at start.
#[derive(Clone, Debug)]
pub struct CoreConfig {
    /// The XMPP domain served.
    pub domain: String,
    /// Whether accounts can be registered in band.
    pub registration: Registration,
    /// The shortest heartbeat that push sessions are asked for, seconds; none leaves it to them.
    pub heartbeat_min_s: Option<u32>,
    /// The longest heartbeat that a push session may promise, seconds.
    pub heartbeat_max_s: u32,
    /// A secret kept outside the database: FAST tokens and the salts of unknown accounts are derived from it.
    pub server_key: [u8; 32],
    /// Milliseconds for which a FAST token is good.
    pub fast_token_ms: i64,
    /// The topics that devices may join and leave by themselves.
    pub device_topics: Vec<NamePattern>,
    /// The tags that devices may take and drop by themselves.
    pub device_tags: Vec<NamePattern>,
    /// Whether and how original androidpn clients are served.
    pub androidpn: Option<androidpn::Settings>,
}

/// Who may register an account in band (XEP-0077).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody, within limits.
    Open,
    /// Whoever shows an app key first (XEP-0445).
    AppKey,
    /// Nobody.
    Closed,
}

/// The service behind every entrance.
pub struct Core {
    /// Settings.
    pub config: CoreConfig,
    /// Who may.
    pub auth: AuthManager,
    /// Accepts notifications and tells what became of them.
    pub notifications: NotificationManager,
    /// Sessions of all workers.
    pub sessions: Arc<SessionManager>,
    /// Who is available, was last seen, is expected.
    pub presence: Arc<PresenceManager>,
    /// Devices.
    pub directory: Arc<Directory>,
    /// The log.
    pub log: Log,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The handlers of IQ namespaces.
    pub iq: IqTable,
    /// How often devices may ask for a user, topics and tags.
    pub requests: Rates<DeviceId>,
    /// How short memory is.
    pub pressure: Arc<Pressure>,
    /// What original clients have said of themselves and is not written yet.
    claims: androidpn::Claims,
    /// Clock and randomness.
    pub env: Env,
    /// The store.
    pub store: Arc<dyn Store>,
}

impl Core {
    /// Builds the service on an open store. Nothing is appended; see [`Core::begin_generation`].
    ///
    /// # Errors
    /// What reading the end of the log fails with.
    pub async fn open(store: Arc<dyn Store>, env: Env, config: CoreConfig) -> Result<Arc<Self>, CoreError> {
        let app = AppId::DEFAULT;
        let metrics = Arc::new(Metrics::new());
        let head = store.head(app).await?;
        let floor = store.floor(app).await?;
        let sessions = Arc::new(SessionManager::new());
        let directory = Arc::new(Directory::new(Arc::clone(&store), app, head.last));
        let api_keys = Arc::new(ApiKeys::new(Arc::clone(&store)));
        let log = Log::start(
            app,
            Arc::clone(&store),
            &head,
            floor,
            env.heavy,
            log::Listeners {
                directory: Arc::clone(&directory),
                api_keys: Arc::clone(&api_keys),
                sessions: Arc::clone(&sessions),
                metrics: Arc::clone(&metrics),
            },
        );
        let presence = Arc::new(PresenceManager::new(log.clone()));
        let notifications = NotificationManager::new(notification_manager::Parts {
            app,
            store: Arc::clone(&store),
            log: log.clone(),
            directory: Arc::clone(&directory),
            sessions: Arc::clone(&sessions),
            presence: Arc::clone(&presence),
            metrics: Arc::clone(&metrics),
            env: env.clone(),
        });
        let (held, written) = (Arc::clone(&directory), log.clone());
        let auth = AuthManager::new(app, Arc::clone(&store), held, api_keys, written, env.clone(), &config);
        let (iq, requests) = (IqTable::standard(), iq::request_rates());
        Ok(Arc::new(Self {
            config,
            auth,
            notifications,
            sessions,
            presence,
            directory,
            log,
            metrics,
            iq,
            requests,
            pressure: Arc::default(),
            claims: androidpn::Claims::default(),
            env,
            store,
        }))
    }

    /// Begins a new generation of the log: on disk before anything is served or appended after it (DESIGN rule 6).
    ///
    /// # Errors
    /// What the write fails with.
    pub async fn begin_generation(&self) -> Result<(), CoreError> {
        // 0 stands for every generation that is not ours.
        let id = longwire_model::GenerationId(u64::from_be_bytes(self.env.random()).max(1));
        let at = self.env.now();
        let entry = self.env.entry_id();
        let write = longwire_store::Write::Generation { app: self.log.app(), id, entry, at };
        self.log.write(write).await.map(|_| ())
    }

    /// Ends the sessions that were open when the server ran last: to be called before the first of this life.
    ///
    /// # Errors
    /// What the write fails with.
    pub async fn resume(&self) -> Result<(), CoreError> {
        let write = longwire_store::Write::Resume { app: self.log.app(), at: self.env.now() };
        self.log.write(write).await.map(|_| ())
    }

    /// Why nothing can be promised any more: the store has failed for good, in reading or in writing, and the process should end.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.store.failure().or_else(|| self.log.failure())
    }

    /// Notes that the server runs; how often this is called is how exactly it is known afterwards when it died.
    pub fn note_alive(&self) {
        let write = longwire_store::Write::Alive { app: self.log.app(), at: self.env.now() };
        self.log.post(vec![write], |result| {
            if let Err(error) = result {
                tracing::debug!(%error, "that the server runs was not written");
            }
        });
    }

    /// Makes sure that the store can write, by writing that the server runs, each time a page of the disk: one, and as many as a
    /// notification takes when the store has refused the last one.
    ///
    /// # Errors
    /// What a write fails with.
    pub async fn probe(&self) -> Result<(), CoreError> {
        let pages = if self.log.is_doubted() { PROBE_PAGES } else { 1 };
        let now = self.env.now();
        for page in 1..=pages {
            // Another instant each time: what says the same as before is not written.
            let at = now.plus_millis(page - pages);
            self.log.write(longwire_store::Write::Alive { app: self.log.app(), at }).await?;
        }
        self.log.trust();
        Ok(())
    }

    /// Writes what is queued and stops the log: later writes are refused.
    pub async fn close(&self) {
        self.end_claims().await;
        self.log.close().await;
    }
}
