//! API keys in memory, under a bound, kept current by what is committed: a request asks the store for a key once, and a revoked key is
//! refused from the moment on in which its end is answered.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_model::ApiKey;
use longwire_store::Store;

use crate::directory::Effect;
use crate::error::CoreError;
use crate::known::Known;

/// Keys that are kept; above it they are read anew.
const KEYS_MAX: usize = 10_000;

/// The API keys that requests have named.
pub struct ApiKeys {
    store: Arc<dyn Store>,
    known: Mutex<Known<Arc<ApiKey>>>,
}

impl ApiKeys {
    /// Of a store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self { store, known: Mutex::new(Known::new(KEYS_MAX)) }
    }

    fn lock(&self) -> MutexGuard<'_, Known<Arc<ApiKey>>> {
        // What a panicking thread left is whole, or one key that is read anew.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A key by its public part, revoked ones too, from memory or from the store.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn load(&self, id: &str) -> Result<Option<Arc<ApiKey>>, CoreError> {
        let changes = match self.lock().find(id) {
            Ok(key) => return Ok(Some(key)),
            Err(changes) => changes,
        };
        let key = self.store.api_key(id).await?.map(Arc::new);
        if let Some(key) = &key {
            self.lock().keep(id, Arc::clone(key), changes);
        }
        Ok(key)
    }

    /// Applies what was committed.
    pub fn apply(&self, effects: &[&Effect]) {
        for effect in effects {
            let Effect::KeyRevoked(id, at) = effect else { continue };
            let mut known = self.lock();
            match known.find(id) {
                Ok(mut key) => {
                    Arc::make_mut(&mut key).revoked_at = Some(*at);
                    known.put(id, key);
                }
                Err(_) => known.forget(id),
            }
        }
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
        keys.lock().find(id).ok().map(|key| key.revoked_at)
    }

    #[test]
    fn what_was_read_while_a_key_ended_is_not_kept() {
        let keys = ApiKeys::new(Arc::new(MemoryStore::new()));
        let at = Timestamp::from_millis(5);
        let Err(before) = keys.lock().find("a") else { panic!("nothing is known") };
        keys.apply(&[&Effect::KeyRevoked("a".to_owned(), at)]);
        keys.lock().keep("a", key("a"), before);
        assert_eq!(held(&keys, "a"), None, "it may be of before its end");
        let Err(behind) = keys.lock().find("a") else { panic!("it was older") };
        keys.lock().keep("a", key("a"), behind);
        assert_eq!(held(&keys, "a"), Some(None));
        keys.apply(&[&Effect::KeyRevoked("a".to_owned(), at)]);
        assert_eq!(held(&keys, "a"), Some(Some(at)));
    }

    #[test]
    fn the_table_is_bounded() {
        let keys = ApiKeys::new(Arc::new(MemoryStore::new()));
        for number in 0..=KEYS_MAX {
            let id = number.to_string();
            keys.lock().keep(&id, key(&id), 0);
            assert!(keys.lock().len() <= KEYS_MAX);
        }
        assert!(held(&keys, &KEYS_MAX.to_string()).is_some(), "the newest is there");
    }
}
