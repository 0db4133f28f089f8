//! Original androidpn clients: their accounts, which keep the password encrypted because their digest needs it, their sessions, which get
//! pushes and nothing else, and what the scripts of their servers' operators ask for.

mod account;
mod claims;
mod import;
mod key;
mod report;
mod seal;
mod session;
mod stanza;

use longwire_model::{DeviceId, Timestamp};

pub use account::Proof;
pub(crate) use claims::Claims;
pub use import::{Imported, import_into_nothing};
pub use key::{alias_key, tag_key};

use crate::{Core, CoreError};

/// What the core is told when original androidpn clients are served.
#[derive(Clone)]
pub struct Settings {
    /// The key under which passwords are kept; outside the store.
    pub sealing_key: [u8; 32],
    /// The `<apiKey/>` of every push: clients hand it to their app and compare it with nothing.
    pub api_key: String,
}

/// Shows no secret.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings").field("api_key", &self.api_key).finish_non_exhaustive()
    }
}

/// An account to be made. Its debug form shows the name alone.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct NewAccount {
    /// The name; prepared here.
    pub name: String,
    /// The password.
    pub password: String,
    /// A mail address.
    pub email: Option<String>,
    /// A person's name.
    pub full_name: Option<String>,
    /// When it was made on the server that it comes from; now when none.
    pub created_at: Option<Timestamp>,
}

impl std::fmt::Debug for NewAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewAccount").field("name", &self.name).finish_non_exhaustive()
    }
}

/// An account as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AndroidpnUser {
    /// Its name.
    pub name: String,
    /// The mail address that its client gave.
    pub email: Option<String>,
    /// The name of a person that its client gave.
    pub full_name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Whether it has a session that takes pushes.
    pub is_online: bool,
}

impl Core {
    /// The accounts of original clients in order of name, above `after`, at most `limit`.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn androidpn_users(&self, after: Option<&str>, limit: u32) -> Result<Vec<AndroidpnUser>, CoreError> {
        let accounts = self.store.androidpn_accounts(after, limit).await?;
        let user = |account: longwire_model::AndroidpnAccount| AndroidpnUser {
            is_online: self.sessions.of_account(&account.name).iter().any(|session| session.priority.is_some()),
            name: account.name,
            email: account.email,
            full_name: account.full_name,
            created_at: account.created_at,
        };
        Ok(accounts.into_iter().map(user).collect())
    }

    /// The devices of the account of this name, however it is written, of an original client or of another; none when there is none.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn androidpn_devices(&self, name: &str) -> Result<Vec<DeviceId>, CoreError> {
        let Ok(account) = longwire_protocol::jid::account_name(name.trim()) else { return Ok(Vec::new()) };
        let devices = self.devices_of(self.log.app(), account.as_str()).await?;
        Ok(devices.into_iter().map(|device| device.id).collect())
    }

    /// The settings, where original clients are served.
    fn androidpn_settings(&self) -> Result<&Settings, CoreError> {
        let off = || CoreError::Unavailable("original androidpn clients are not served here".to_owned());
        self.config.androidpn.as_ref().ok_or_else(off)
    }
}
