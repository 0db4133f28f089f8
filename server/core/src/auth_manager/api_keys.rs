//! API keys in memory, under a bound, kept current by what is committed: a request asks the store for a key once, and a revoked key is
//! refused from the moment on in which its end is answered.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_model::ApiKey;
use longwire_store::Store;

use crate::directory::Effect;
use crate::error::CoreError;

/// Keys that are kept; above it they are read anew.
const KEYS_MAX: usize = 10_000;

/// The API keys that requests have named.
pub struct ApiKeys {
    store: Arc<dyn Store>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    keys: HashMap<String, Arc<ApiKey>>,
    /// Counts the ends of keys: what was read of the store while one was committed may be of before it.
    ends: u64,
}

impl ApiKeys {
    /// Of a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, inner: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every step is one assignment or insert: what a panicking thread left is whole.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key by its public part, revoked ones too, from memory or from the store.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn load(&self, id: &str) -> Result<Option<Arc<ApiKey>>, CoreError> {
        let ends = {
            let inner = self.lock();
            if let Some(key) = inner.keys.get(id) {
                return Ok(Some(Arc::clone(key)));
            }
            inner.ends
        };
        let Some(key) = self.store.api_key(id).await?.map(Arc::new) else { return Ok(None) };
        self.lock().keep(Arc::clone(&key), ends);
        Ok(Some(key))
    }

    /// Applies what was committed.
    pub fn apply(&self, effects: &[&Effect]) {
        for effect in effects {
            if let Effect::KeyRevoked(id, at) = effect {
                let mut inner = self.lock();
                inner.ends += 1;
                if let Some(key) = inner.keys.get_mut(id) {
                    Arc::make_mut(key).revoked_at = Some(*at);
                }
            }
        }
    }
}

impl Inner {
    /// Keeps what was read when so many keys had ended.
    fn keep(&mut self, key: Arc<ApiKey>, ends: u64) {
        if self.ends != ends {
            return;
        }
        if self.keys.len() >= KEYS_MAX {
            self.keys.clear();
        }
        self.keys.insert(key.id.clone(), key);
    }
}

#[cfg(test)]
mod tests {
    use longwire_model::{AppId, Scope, Timestamp};
    use longwire_store::MemoryStore;

    use super::*;

    fn key(id: &str) -> Arc<ApiKey> {
        Arc::new(ApiKey {
            id: id.to_owned(),
            app: AppId::DEFAULT,
            secret_hash: [0; 32],
            scopes: vec![Scope::Send],
            label: None,
            created_at: Timestamp::from_millis(0),
            expires_at: None,
            revoked_at: None,
        })
    }

    fn held(keys: &ApiKeys, id: &str) -> Option<Option<Timestamp>> {
        keys.lock().keys.get(id).map(|key| key.revoked_at)
    }

    #[test]
    fn what_was_read_while_a_key_ended_is_not_kept() {
        let keys = ApiKeys::new(Arc::new(MemoryStore::new()));
        let at = Timestamp::from_millis(5);
        let ends = keys.lock().ends;
        keys.apply(&[&Effect::KeyRevoked("a".to_owned(), at)]);
        keys.lock().keep(key("a"), ends);
        assert_eq!(held(&keys, "a"), None, "it may be of before its end");
        let ends = keys.lock().ends;
        keys.lock().keep(key("a"), ends);
        assert_eq!(held(&keys, "a"), Some(None));
        keys.apply(&[&Effect::KeyRevoked("a".to_owned(), at)]);
        assert_eq!(held(&keys, "a"), Some(Some(at)));
    }

    #[test]
    fn the_table_is_bounded() {
        let keys = ApiKeys::new(Arc::new(MemoryStore::new()));
        for number in 0..=KEYS_MAX {
            keys.lock().keep(key(&number.to_string()), 0);
            assert!(keys.lock().keys.len() <= KEYS_MAX);
        }
        assert!(held(&keys, &KEYS_MAX.to_string()).is_some(), "the newest is there");
    }
}
