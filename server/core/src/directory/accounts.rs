//! Accounts as the store holds them, under a bound: what logins ask for, kept current by what is committed.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use longwire_model::Account;

/// Accounts kept in memory, about 400 bytes each; above it the oldest go and are read again at their next login.
const ACCOUNTS_MAX: usize = 4_096;

/// The accounts that were read or made last. Names that no account has are not kept: nobody fills it by guessing.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    /// Commits that changed an account: what was read before one of them may be older.
    changes: u64,
    known: HashMap<Arc<str>, Account>,
    order: VecDeque<Arc<str>>,
}

impl Accounts {
    /// The account of this name.
    ///
    /// # Errors
    /// It is not known; the count of changes, to be noted before it is read.
    pub(super) fn find(&self, name: &str) -> Result<Account, u64> {
        self.known.get(name).cloned().ok_or(self.changes)
    }

    /// Keeps what was read after the count of changes was `changes`, unless it may have changed since.
    pub(super) fn keep(&mut self, account: &Account, changes: u64) {
        if changes == self.changes {
            self.insert(account.clone());
        }
    }

    /// An account was made.
    pub(super) fn made(&mut self, account: &Account) {
        self.changes += 1;
        self.insert(account.clone());
    }

    /// An account was changed or removed.
    pub(super) fn changed(&mut self, name: &str) {
        self.changes += 1;
        if self.known.remove(name).is_some() {
            self.order.retain(|kept| **kept != *name);
        }
    }

    fn insert(&mut self, account: Account) {
        let name: Arc<str> = account.name.as_str().into();
        if self.known.insert(Arc::clone(&name), account).is_none() {
            self.order.push_back(name);
        }
        while self.known.len() > ACCOUNTS_MAX {
            let Some(oldest) = self.order.pop_front() else { break };
            self.known.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use longwire_model::Timestamp;

    use super::*;

    fn account(name: &str) -> Account {
        Account {
            name: name.to_owned(),
            salt: vec![1],
            iterations: 4_096,
            stored_key: [2; 32],
            server_key: [3; 32],
            created_at: Timestamp::from_millis(0),
            is_disabled: false,
            app_key: None,
        }
    }

    #[test]
    fn what_was_read_before_a_change_is_not_kept_behind_it() {
        let mut accounts = Accounts::default();
        let Err(before) = accounts.find("a") else { panic!("nothing is known") };
        accounts.changed("a");
        accounts.keep(&account("a"), before);
        let Err(behind) = accounts.find("a") else { panic!("it was older than the change") };
        accounts.keep(&account("a"), behind);
        assert_eq!(accounts.find("a"), Ok(account("a")));
        accounts.changed("a");
        assert!(accounts.find("a").is_err());
    }

    #[test]
    fn the_oldest_goes_above_the_bound() {
        let mut accounts = Accounts::default();
        for number in 0..=ACCOUNTS_MAX {
            accounts.made(&account(&number.to_string()));
        }
        assert!(accounts.find("0").is_err() && accounts.find("1").is_ok());
        assert_eq!((accounts.known.len(), accounts.order.len()), (ACCOUNTS_MAX, ACCOUNTS_MAX));
    }
}
