//! Taking over the user table of an original server, so that phones in the field keep their accounts. Repeatable: what is here already
//! stays as it is.

use std::collections::{HashMap, HashSet};

use longwire_protocol::jid::account_name;
use longwire_store::{Write, Written};

use super::NewAccount;
use crate::{Core, CoreError};

/// Accounts that are looked up, and written, at once.
const GROUP: usize = 1_024;

/// What became of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Imported {
    /// It was made, with its device: pushes wait for its phone from now on. Of a dry run: it would be.
    Added,
    /// It is here with this password.
    Unchanged,
    /// It is here with another password, and stays so.
    Differs,
    /// Another kind of account has the name.
    Taken,
    /// The name cannot be one of an account.
    BadName,
    /// There is no password: nobody could log in.
    NoPassword,
}

impl Imported {
    /// The word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Unchanged => "unchanged",
            Self::Differs => "differs",
            Self::Taken => "taken",
            Self::BadName => "bad_name",
            Self::NoPassword => "no_password",
        }
    }
}

/// What is known of the names of a group.
#[derive(Default)]
struct Here {
    /// Passwords of the accounts of original clients, by name.
    passwords: HashMap<String, String>,
    /// Names of accounts of the other kind.
    others: HashSet<String>,
}

impl Here {
    /// What becomes of an account; one that is added is known from then on.
    fn judge(&mut self, account: &NewAccount) -> Imported {
        match self.passwords.get(&account.name) {
            Some(known) if *known == account.password => Imported::Unchanged,
            Some(_) => Imported::Differs,
            None if self.others.contains(&account.name) => Imported::Taken,
            None => {
                self.passwords.insert(account.name.clone(), account.password.clone());
                Imported::Added
            }
        }
    }
}

/// What would become of accounts at a server that has none yet; one answer per account, in order.
#[must_use]
pub fn import_into_nothing(accounts: Vec<NewAccount>) -> Vec<Imported> {
    let mut here = Here::default();
    let answer = |account| prepared(account).map_or_else(|why| why, |account| here.judge(&account));
    accounts.into_iter().map(answer).collect()
}

/// The account with its name as it is kept, or why it cannot be one.
fn prepared(account: NewAccount) -> Result<NewAccount, Imported> {
    let name = account_name(account.name.trim()).map_err(|_| Imported::BadName)?.into_inner();
    if account.password.is_empty() { Err(Imported::NoPassword) } else { Ok(NewAccount { name, ..account }) }
}

impl Core {
    /// Takes accounts over; one answer per account, in order. All that was added is on disk when this returns.
    ///
    /// # Errors
    /// [`CoreError`]; what was added up to then stays, and another call goes on.
    pub async fn import_androidpn(&self, accounts: Vec<NewAccount>, is_dry: bool) -> Result<Vec<Imported>, CoreError> {
        let mut answers = Vec::with_capacity(accounts.len());
        let mut here = Here::default();
        let mut accounts = accounts.into_iter().map(prepared).peekable();
        while accounts.peek().is_some() {
            let group: Vec<_> = accounts.by_ref().take(GROUP).collect();
            self.look_up(&group, &mut here).await?;
            let mut additions = Vec::new();
            for account in group {
                let answer = account.as_ref().map_or_else(|why| *why, |account| here.judge(account));
                answers.push(answer);
                if let (Ok(account), Imported::Added, false) = (account, answer, is_dry) {
                    additions.push((answers.len() - 1, self.addition(account)?.0));
                }
            }
            self.add_group(additions, &mut answers).await?;
        }
        Ok(answers)
    }

    /// Reads what is known of the names of a group.
    async fn look_up(&self, group: &[Result<NewAccount, Imported>], here: &mut Here) -> Result<(), CoreError> {
        let names: Vec<String> = group.iter().flatten().map(|account| account.name.clone()).collect();
        for known in self.store.androidpn_accounts_named(&names).await? {
            let password = self.password_of(&known)?;
            here.passwords.insert(known.name, password);
        }
        here.others.extend(self.store.accounts_named(&names).await?.into_iter().map(|account| account.name));
        Ok(())
    }

    async fn add_group(&self, group: Vec<(usize, Write)>, answers: &mut [Imported]) -> Result<(), CoreError> {
        if group.is_empty() {
            return Ok(());
        }
        let (places, writes): (Vec<usize>, Vec<Write>) = group.into_iter().unzip();
        let written = self.log.write_all(writes).await?;
        for (place, written) in places.into_iter().zip(written) {
            let is_made = matches!(written, Written::Appended(_) | Written::Exists(_));
            if let Some(answer) = answers.get_mut(place).filter(|_| !is_made) {
                // Somebody was faster by an instant.
                *answer = Imported::Taken;
            }
        }
        Ok(())
    }
}
