//! Who may: API keys, app keys, accounts, registration and FAST tokens (DESIGN §3).

mod account;
mod api_key;
mod api_keys;
mod app_key;
mod fast;
mod user_key;
mod user_token;

use std::sync::Arc;

use longwire_model::AppId;
use longwire_store::Store;
use tokio::sync::Semaphore;

use crate::directory::Directory;
use crate::env::Env;
use crate::log::Log;
use crate::{CoreConfig, Registration};

pub use account::{AccountError, AccountKind, ListedAccount, PasswordCheck, RemovedBy};
pub(crate) use api_key::hex;
pub use api_key::{AuthError, NewKey};
pub use api_keys::ApiKeys;
pub use app_key::{AppKeyError, app_key_id};
pub use fast::{FastHeld, FastLogin, HeldToken, Issued};
pub use user_key::{KeyError, PublicKey, to_pem as user_key_pem};
pub use user_token::TokenError;

/// Key derivations at once: each is a millisecond of one core.
const DERIVATIONS_MAX: usize = 2;
/// PBKDF2 rounds of new verifiers (RFC 7677 §4: at least 4096).
pub const SCRAM_ITERATIONS: u32 = 4_096;

/// Checks and makes credentials.
pub struct AuthManager {
    app: AppId,
    store: Arc<dyn Store>,
    directory: Arc<Directory>,
    api_keys: Arc<ApiKeys>,
    log: Log,
    env: Env,
    server_key: [u8; 32],
    domain: String,
    fast_token_ms: i64,
    registration: Registration,
    derivations: Semaphore,
}

impl AuthManager {
    /// On a store, what of it is in memory, and a log, which keeps that current.
    #[must_use]
    pub fn new(
        app: AppId,
        store: Arc<dyn Store>,
        directory: Arc<Directory>,
        api_keys: Arc<ApiKeys>,
        log: Log,
        env: Env,
        config: &CoreConfig,
    ) -> Self {
        Self {
            app,
            store,
            directory,
            api_keys,
            log,
            env,
            server_key: config.server_key,
            domain: config.domain.clone(),
            fast_token_ms: config.fast_token_ms,
            registration: config.registration,
            derivations: Semaphore::new(DERIVATIONS_MAX),
        }
    }
}
