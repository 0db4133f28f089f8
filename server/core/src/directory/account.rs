//! Accounts as memory holds them: without the name they are found by, and nothing with room to grow.

use std::sync::Arc;

use longwire_model::{Account, Timestamp};

/// What is kept of an account beside its name.
#[derive(Debug)]
pub(super) struct KeptAccount {
    salt: Box<[u8]>,
    iterations: u32,
    stored_key: [u8; 32],
    server_key: [u8; 32],
    created_at: Timestamp,
    is_disabled: bool,
    app_key: Option<Box<str>>,
}

impl KeptAccount {
    pub(super) fn new(account: &Account) -> Arc<Self> {
        let Account { iterations, stored_key, server_key, created_at, is_disabled, .. } = *account;
        let (salt, app_key) = (account.salt.as_slice().into(), account.app_key.as_deref().map(Into::into));
        Arc::new(Self { salt, iterations, stored_key, server_key, created_at, is_disabled, app_key })
    }

    /// As a store gives it.
    pub(super) fn account(&self, name: &str) -> Account {
        let Self { iterations, stored_key, server_key, created_at, is_disabled, .. } = *self;
        let (salt, app_key) = (self.salt.to_vec(), self.app_key.as_deref().map(str::to_owned));
        Account { name: name.to_owned(), salt, iterations, stored_key, server_key, created_at, is_disabled, app_key }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_gives_back_what_it_was_made_of() {
        for app_key in [None, Some("key".to_owned())] {
            let account = Account {
                name: "alice".to_owned(),
                salt: vec![1],
                iterations: 4_096,
                stored_key: [2; 32],
                server_key: [3; 32],
                created_at: Timestamp::from_millis(4),
                is_disabled: app_key.is_some(),
                app_key,
            };
            assert_eq!(KeptAccount::new(&account).account("alice"), account);
        }
    }
}
