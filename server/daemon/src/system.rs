//! The clock, the randomness and the engine that the core is given: read and chosen here and nowhere else.

use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use longwire_core::androidpn::Settings as Androidpn;
use longwire_core::{Core, CoreConfig, Env, Random, Registration, busy};
use longwire_model::Timestamp;
use longwire_store::Store as _;
use longwire_store_sqlite::{Options, SqliteStore};

use crate::clock::{self, SystemClock};
use crate::configuration::{DeviceKeys, HeartbeatBounds};
use crate::data_dir::{self, DataDir};

/// The wall clock, as the machine tells it.
#[expect(clippy::disallowed_methods, reason = "the rim: clocks are read here and passed on")]
pub(crate) fn now() -> Timestamp {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_millis(i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX))
}

struct SystemRandom;

impl Random for SystemRandom {
    #[expect(clippy::disallowed_methods, clippy::panic, reason = "the rim; without randomness nothing may go on")]
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            panic!("the system gives no randomness: {error}");
        }
    }
}

/// For a thread of tokio's that is about to sleep: see [`busy::give_way`].
pub(crate) fn give_way() {
    busy::give_way(u64::try_from(clock::boot_ms()).unwrap_or_default());
}

/// Clock and randomness of this machine.
#[expect(clippy::disallowed_methods, reason = "the rim: clocks are read here and passed on")]
pub(crate) fn env() -> Env {
    Env::new(Arc::new(SystemClock::new(Instant::now())), Arc::new(SystemRandom))
}

/// That original androidpn clients are dealt with.
#[derive(Clone, Copy)]
pub(crate) struct Originals<'a> {
    /// What pushes carry.
    pub api_key: &'a str,
    /// Whether a key that has to be made for their passwords is written down.
    pub is_key_kept: bool,
}

/// A core on the embedded store of a data directory, whose lock the caller holds.
pub(crate) struct Engine {
    pub core: Arc<Core>,
    /// What was missing in the data directory and was made anew ([`data_dir::loss`]).
    pub warning: Option<&'static str>,
    store: SqliteStore,
}

impl Engine {
    pub(crate) async fn open(
        data_dir: &DataDir,
        domain: &str,
        registration: Registration,
        fast_token_s: u32,
        heartbeat: HeartbeatBounds,
        device_keys: DeviceKeys,
        originals: Option<Originals<'_>>,
    ) -> anyhow::Result<Self> {
        let env = env();
        let warning = data_dir::loss(data_dir);
        let server_key = data_dir::server_key(data_dir, |bytes| env.random.fill(bytes))?;
        let mut options = Options::default();
        if data_dir.has_failed() {
            options.check_bytes_max = u64::MAX;
        }
        let store = SqliteStore::open(data_dir.path(), options).await?;
        data_dir.forget_failure();
        let androidpn = match originals {
            Some(Originals { api_key, is_key_kept }) => {
                let is_in_use =
                    !store.androidpn_accounts(None, 1).await.context("the store cannot be read")?.is_empty();
                let sealing_key =
                    data_dir::androidpn_key(data_dir, is_in_use, is_key_kept, |bytes| env.random.fill(bytes))?;
                Some(Androidpn { sealing_key, api_key: api_key.to_owned() })
            }
            None => None,
        };
        let config = CoreConfig {
            domain: domain.to_owned(),
            registration,
            heartbeat_min_s: heartbeat.min_s,
            heartbeat_max_s: heartbeat.max_s,
            server_key,
            fast_token_ms: i64::from(fast_token_s) * 1_000,
            device_topics: device_keys.topics,
            device_tags: device_keys.tags,
            androidpn,
        };
        let core = Core::open(Arc::new(store.clone()), env, config).await.context("the store cannot be read")?;
        Ok(Self { core, warning, store })
    }

    /// Writes what is queued, and closes the store.
    pub(crate) async fn close(self) {
        self.core.close().await;
        self.store.close().await;
    }
}
