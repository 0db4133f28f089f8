//! Registration of original clients, and what proves their accounts.

use longwire_model::{AndroidpnAccount, DeviceId, DeviceKind};
use longwire_protocol::jid::account_name;
use longwire_store::write::{AndroidpnChange, NewDevice};
use longwire_store::{Write, Written};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use subtle::ConstantTimeEq;

use super::{NewAccount, seal};
use crate::auth_manager::{AccountError, PasswordCheck, hex};
use crate::{Core, CoreError};

/// Characters of a mail address or a person's name that are kept.
const DETAIL_CHARS_MAX: usize = 256;

/// What a client proves its account with (XEP-0078).
#[derive(Clone, Copy)]
pub enum Proof<'a> {
    /// SHA-1 over the id of the stream and the password, as hexadecimal digits.
    Digest {
        /// The id of the stream.
        stream_id: &'a str,
        /// The digits.
        digest: &'a str,
    },
    /// The password.
    Password(&'a str),
}

impl Core {
    /// Makes the account of an original client and its device, unless nobody may register; both are on disk when this returns. These
    /// clients know of no app key.
    ///
    /// # Errors
    /// [`AccountError`]; nothing was made.
    pub async fn register_androidpn(&self, new: NewAccount) -> Result<DeviceId, AccountError> {
        let bad_name = || AccountError::Name(new.name.chars().take(64).collect());
        let name = account_name(&new.name).map_err(|_| bad_name())?.into_inner();
        if self.auth.is_closed() {
            return Err(AccountError::Closed);
        }
        if new.password.is_empty() {
            return Err(AccountError::Password);
        }
        if self.is_taken(&name).await? {
            return Err(AccountError::Exists);
        }
        let (write, device) = self.addition(NewAccount { name, ..new })?;
        match self.log.write(write).await? {
            Written::Appended(_) => Ok(device),
            Written::Exists(device) => Ok(device),
            Written::Done | Written::Unchanged | Written::Repeated { .. } | Written::Refused(_) => {
                Err(AccountError::Exists)
            }
        }
    }

    /// Whether `proof` is that of the account. An account that cannot be read, and a password that cannot be opened, is never a wrong
    /// proof: the client would throw its account away.
    ///
    /// # Errors
    /// [`CoreError`] when it cannot be told.
    pub async fn check_androidpn(&self, name: &str, proof: Proof<'_>) -> Result<PasswordCheck, CoreError> {
        let Some(account) = self.store.androidpn_account(name).await? else { return Ok(PasswordCheck::Wrong) };
        let password = self.password_of(&account)?;
        let is_right = match proof {
            Proof::Password(stated) => stated.as_bytes().ct_eq(password.as_bytes()),
            Proof::Digest { stream_id, digest: stated } => {
                let expected =
                    hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{stream_id}{password}").as_bytes()).as_ref());
                stated.trim().to_ascii_lowercase().as_bytes().ct_eq(expected.as_bytes())
            }
        };
        Ok(match bool::from(is_right) {
            true if account.is_disabled => PasswordCheck::Disabled,
            true => PasswordCheck::Right,
            false => PasswordCheck::Wrong,
        })
    }

    /// Gives an account another password; its sessions are the caller's to end.
    pub(crate) async fn change_androidpn_password(&self, name: &str, password: &str) -> Result<(), AccountError> {
        if self.store.androidpn_account(name).await.map_err(CoreError::from)?.is_none() {
            return Err(AccountError::Unknown);
        }
        let key = &self.config.androidpn.as_ref().ok_or(AccountError::NotServed)?.sealing_key;
        let change = AndroidpnChange::Password(seal::seal(key, name, password, self.env.random()));
        match self.log.write(Write::ChangeAndroidpn { name: name.to_owned(), change }).await? {
            Written::Done => Ok(()),
            Written::Unchanged
            | Written::Appended(_)
            | Written::Exists(_)
            | Written::Repeated { .. }
            | Written::Refused(_) => Err(AccountError::Unknown),
        }
    }

    /// The password of an account.
    pub(super) fn password_of(&self, account: &AndroidpnAccount) -> Result<String, CoreError> {
        let key = &self.androidpn_settings()?.sealing_key;
        let closed = || CoreError::Unavailable("the password of an account was encrypted under another key".to_owned());
        seal::open(key, account).ok_or_else(closed)
    }

    /// Whether there is an account of either kind.
    pub(super) async fn is_taken(&self, name: &str) -> Result<bool, CoreError> {
        Ok(self.store.androidpn_account(name).await?.is_some() || self.store.account(name).await?.is_some())
    }

    /// The write that makes an account, whose name is prepared, and its device.
    pub(super) fn addition(&self, new: NewAccount) -> Result<(Write, DeviceId), CoreError> {
        let key = &self.androidpn_settings()?.sealing_key;
        let (now, id) = (self.env.now(), DeviceId::new(self.env.random()));
        let detail = |text: Option<String>| text.map(|text| text.chars().take(DETAIL_CHARS_MAX).collect());
        let account = AndroidpnAccount {
            sealed_password: seal::seal(key, &new.name, &new.password, self.env.random()),
            email: detail(new.email),
            full_name: detail(new.full_name),
            created_at: new.created_at.unwrap_or(now),
            claimed: Vec::new(),
            is_disabled: false,
            name: new.name,
        };
        let device = NewDevice {
            id,
            app: self.log.app(),
            account: account.name.clone(),
            kind: DeviceKind::Androidpn,
            installation_hash: None,
            entry: self.env.entry_id(),
            at: now,
        };
        Ok((Write::AddAndroidpn { account, device }, id))
    }
}

#[cfg(test)]
mod tests {
    use super::{SHA1_FOR_LEGACY_USE_ONLY, digest, hex};

    #[test]
    fn the_digest_is_that_of_a_recorded_client() {
        let text = "d0068d5401c561e11d374a1591a97ba532dabde7";
        let own = hex(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref());
        assert_eq!(own, "a1048fe21253567045e9f345b129c808871a3036");
    }
}
