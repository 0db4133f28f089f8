//! Taking over the user table of an original server, so that phones in the field keep their accounts. Repeatable: what is here already
//! stays as it is.

use std::collections::HashMap;

use longwire_protocol::jid::account_name;
use longwire_store::{Write, Written};

use super::NewAccount;
use crate::{Core, CoreError};

/// Accounts that are written in one group.
const GROUP: usize = 256;

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

impl Core {
    /// Takes accounts over; one answer per account, in order. All that was added is on disk when this returns.
    ///
    /// # Errors
    /// [`CoreError`]; what was added up to then stays, and another call goes on.
    pub async fn import_androidpn(&self, accounts: Vec<NewAccount>, is_dry: bool) -> Result<Vec<Imported>, CoreError> {
        let mut answers = Vec::with_capacity(accounts.len());
        let mut seen: HashMap<String, String> = HashMap::new();
        let mut group = Vec::new();
        for account in accounts {
            let (answer, write) = self.judge(account, &mut seen).await?;
            answers.push(answer);
            group.extend(write.map(|write| (answers.len() - 1, write)).filter(|_| !is_dry));
            if group.len() >= GROUP {
                self.add_group(std::mem::take(&mut group), &mut answers).await?;
            }
        }
        self.add_group(group, &mut answers).await?;
        Ok(answers)
    }

    async fn judge(
        &self,
        mut account: NewAccount,
        seen: &mut HashMap<String, String>,
    ) -> Result<(Imported, Option<Write>), CoreError> {
        let Ok(name) = account_name(account.name.trim()) else { return Ok((Imported::BadName, None)) };
        account.name = name.into_inner();
        if account.password.is_empty() {
            return Ok((Imported::NoPassword, None));
        }
        let compared = |known: &str| if known == account.password { Imported::Unchanged } else { Imported::Differs };
        if let Some(known) = seen.get(&account.name) {
            return Ok((compared(known), None));
        }
        if let Some(known) = self.store.androidpn_account(&account.name).await? {
            return Ok((compared(&self.password_of(&known)?), None));
        }
        if self.store.account(&account.name).await?.is_some() {
            return Ok((Imported::Taken, None));
        }
        seen.insert(account.name.clone(), account.password.clone());
        let (write, _) = self.addition(account)?;
        Ok((Imported::Added, Some(write)))
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
