//! Accounts: SCRAM verifiers, password checks off the I/O threads, registration.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longwire_model::{Account, Device, DeviceId, Timestamp};
use longwire_protocol::jid::account_name;
use longwire_protocol::sasl::scram::Verifier;
use longwire_store::read::DeviceQuery;
use longwire_store::write::{AccountChange, AndroidpnChange, Refusal};
use longwire_store::{Write, Written};

use super::{AuthManager, SCRAM_ITERATIONS};
use crate::Registration;
use crate::env::HeavyWork;
use crate::error::CoreError;

/// Devices of one account that are removed with it, page by page.
const DEVICES_PAGE: u32 = 200;
/// The account of devices whose own was removed: no account has this name.
const NOBODY: &str = "";
/// Bytes of a password.
const PASSWORD_BYTES_MAX: usize = 1_023;

/// Why an account was not made or changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AccountError {
    /// The name is taken.
    #[error("the account exists already")]
    Exists,
    /// The name cannot be an account's.
    #[error("{0:?} cannot be an account's name: it must be a valid JID localpart")]
    Name(String),
    /// The password cannot be used.
    #[error("the password must have 1 to {PASSWORD_BYTES_MAX} bytes without control characters")]
    Password,
    /// Nobody may register.
    #[error("registration is closed")]
    Closed,
    /// Only who shows an app key may register.
    #[error("registration needs an app key")]
    KeyNeeded,
    /// The app key was revoked since it was shown.
    #[error("the app key was revoked")]
    KeyRevoked,
    /// There is no such account.
    #[error("there is no such account")]
    Unknown,
    /// It is an account of an original androidpn client, whose password cannot be kept where these are not served.
    #[error(
        "the account is that of an original androidpn client, and the server does not serve these: start it with --androidpn"
    )]
    NotServed,
    /// The core could not do it.
    #[error(transparent)]
    Core(#[from] CoreError),
}

/// How an account's clients log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AccountKind {
    /// By SASL.
    Xmpp,
    /// As original androidpn clients do.
    Androidpn,
}

/// An account of either kind, as an operator sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedAccount {
    /// The name before the @.
    pub name: String,
    /// How its clients log in.
    pub kind: AccountKind,
    /// When it was made; of an imported one, where it comes from.
    pub created_at: Timestamp,
    /// Whether it is kept from logging in.
    pub is_disabled: bool,
    /// The id of the app key that admitted it.
    pub app_key: Option<String>,
}

/// Who removes an account: decides what becomes of its devices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovedBy {
    /// Its own holder, who wants to be known no more: its devices are removed.
    Holder,
    /// An operator. Its devices are removed, but for those that have an installation secret: they belong to nobody until a new account
    /// proves it (DESIGN §3), with user, topics and tags, or until nobody has come for as long as a notification can wait.
    Operator,
}

/// What a password is to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordCheck {
    /// Its password.
    Right,
    /// Not its password, or no such account.
    Wrong,
    /// Its password, but the account is disabled.
    Disabled,
}

impl AuthManager {
    /// An account by its prepared name.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, CoreError> {
        self.directory.account(name).await
    }

    /// Checks a password at the cost of one derivation, whether or not the account exists (AUTH-17).
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read: never a wrong password.
    pub async fn check_password(&self, name: &str, password: String) -> Result<PasswordCheck, CoreError> {
        let account = self.account(name).await?;
        let verifier = match &account {
            Some(account) => verifier(account),
            None => Verifier::fake(&self.server_key, name, SCRAM_ITERATIONS),
        };
        let is_same = self.derive(move || verifier.verify_password(&password)).await?;
        Ok(match account {
            Some(account) if is_same && account.is_disabled => PasswordCheck::Disabled,
            Some(_) if is_same => PasswordCheck::Right,
            Some(_) | None => PasswordCheck::Wrong,
        })
    }

    /// Whether nobody may register.
    pub(crate) const fn is_closed(&self) -> bool {
        matches!(self.registration, Registration::Closed)
    }

    /// Registers an account in band, if it may be; `app_key` is the id of the app key that was shown, and counts the registration. The
    /// account is on disk when this returns.
    ///
    /// # Errors
    /// [`AccountError`]; no account was made.
    pub async fn register(&self, name: &str, password: String, app_key: Option<String>) -> Result<(), AccountError> {
        match (self.registration, app_key) {
            (Registration::Open, None) => self.add(name, password, None).await,
            (Registration::Open | Registration::AppKey, Some(key)) => self.add(name, password, Some(key)).await,
            (Registration::AppKey, None) => Err(AccountError::KeyNeeded),
            (Registration::Closed, _) => Err(AccountError::Closed),
        }
    }

    /// Makes an account by name, as an operator does; gives its password, which is made up when none is given.
    ///
    /// # Errors
    /// [`AccountError`]; no account was made.
    pub async fn add_account(&self, name: &str, password: Option<&str>) -> Result<String, AccountError> {
        let node = account_name(name).map_err(|_| AccountError::Name(name.chars().take(64).collect()))?;
        let password = match password {
            Some(password) => password.to_owned(),
            None => self.new_password(),
        };
        self.add(node.as_str(), password.clone(), None).await?;
        Ok(password)
    }

    async fn add(&self, name: &str, password: String, app_key: Option<String>) -> Result<(), AccountError> {
        if self.account(name).await?.is_some() {
            return Err(AccountError::Exists);
        }
        let account = Account { app_key, ..self.new_account(name, password).await? };
        let write = if account.app_key.is_some() { Write::Admit(account) } else { Write::AddAccount(account) };
        match self.log.write(write).await? {
            Written::Done => Ok(()),
            Written::Refused(Refusal::UnknownAppKey) => Err(AccountError::KeyRevoked),
            Written::Unchanged
            | Written::Appended(_)
            | Written::Exists(_)
            | Written::Repeated { .. }
            | Written::Refused(_) => Err(AccountError::Exists),
        }
    }

    /// Gives an account that logs in by SASL another password.
    ///
    /// # Errors
    /// [`AccountError`]; the old password stays.
    pub async fn change_password(&self, name: &str, password: String) -> Result<(), AccountError> {
        let Account { salt, iterations, stored_key, server_key, .. } = self.new_account(name, password).await?;
        let change = AccountChange::Password { salt, iterations, stored_key, server_key };
        self.change_accounts(vec![Write::ChangeAccount { name: name.to_owned(), change }]).await
    }

    /// Keeps an account of either kind from logging in, or lets it in again.
    ///
    /// # Errors
    /// [`AccountError`]; it stays as it is.
    pub async fn set_disabled(&self, name: &str, is_disabled: bool) -> Result<(), AccountError> {
        let name = name.to_owned();
        self.change_accounts(vec![
            Write::ChangeAccount { name: name.clone(), change: AccountChange::Disabled(is_disabled) },
            Write::ChangeAndroidpn { name, change: AndroidpnChange::Disabled(is_disabled) },
        ])
        .await
    }

    /// A password that nobody guesses.
    pub(crate) fn new_password(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.env.random::<18>())
    }

    /// A name is an account of one kind, so one of these changes at most is made.
    async fn change_accounts(&self, changes: Vec<Write>) -> Result<(), AccountError> {
        let written = self.log.write_all(changes).await?;
        let is_changed = written.iter().any(|written| matches!(written, Written::Done));
        if is_changed { Ok(()) } else { Err(AccountError::Unknown) }
    }

    async fn new_account(&self, name: &str, password: String) -> Result<Account, AccountError> {
        if !(1..=PASSWORD_BYTES_MAX).contains(&password.len()) {
            return Err(AccountError::Password);
        }
        let salt = self.env.random::<16>();
        let derived = self.derive(move || Verifier::derive(&password, &salt, SCRAM_ITERATIONS)).await?;
        let verifier = derived.map_err(|_| AccountError::Password)?;
        Ok(Account {
            name: name.to_owned(),
            salt: verifier.salt,
            iterations: verifier.iterations,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
            created_at: self.env.now(),
            is_disabled: false,
            app_key: None,
        })
    }

    /// Accounts of either kind in order of name, above `after`, at most `limit`.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<ListedAccount>, CoreError> {
        let own = self.store.accounts(after, limit).await?.into_iter().map(|account| ListedAccount {
            name: account.name,
            kind: AccountKind::Xmpp,
            created_at: account.created_at,
            is_disabled: account.is_disabled,
            app_key: account.app_key,
        });
        let original = self.store.androidpn_accounts(after, limit).await?.into_iter().map(|account| ListedAccount {
            name: account.name,
            kind: AccountKind::Androidpn,
            created_at: account.created_at,
            is_disabled: account.is_disabled,
            app_key: None,
        });
        let mut accounts: Vec<ListedAccount> = own.chain(original).collect();
        accounts.sort_by(|one, other| one.name.cmp(&other.name));
        accounts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(accounts)
    }

    /// Removes an account of either kind; false when there is none. Its sessions are the caller's to end.
    ///
    /// # Errors
    /// [`CoreError`]; what was removed up to then stays removed, and another call goes on.
    pub async fn remove_account(&self, name: &str, by: RemovedBy) -> Result<bool, CoreError> {
        loop {
            let devices = self.devices_of(name, None).await?;
            if devices.is_empty() {
                break;
            }
            let is_keeping = by == RemovedBy::Operator && name != NOBODY;
            let is_kept = |device: &&Device| is_keeping && device.installation_hash.is_some();
            let (kept, gone): (Vec<_>, Vec<_>) = devices.iter().partition(is_kept);
            let mut writes: Vec<Write> = gone.iter().map(|device| self.removal(device.id)).collect();
            for device in &kept {
                writes.push(Write::FastTokens { device: device.id, tokens: None });
                let (device, account) = (device.id, NOBODY.to_owned());
                writes.push(Write::TakeOver { device, account, unless_disabled: false });
            }
            // Nobody may have another device of that user-agent id already: then this one goes.
            let answers = self.log.write_all(writes).await?;
            let moved = answers.iter().skip(gone.len()).skip(1).step_by(2).zip(&kept);
            let clashing: Vec<Write> = moved
                .filter(|(answer, _)| matches!(answer, Written::Exists(_)))
                .map(|(_, device)| self.removal(device.id))
                .collect();
            if !clashing.is_empty() {
                self.log.write_all(clashing).await?;
            }
        }
        let writes = vec![Write::RemoveAccount(name.to_owned()), Write::RemoveAndroidpn(name.to_owned())];
        let removed = self.log.write_all(writes).await?;
        Ok(removed.iter().any(|written| matches!(written, Written::Done)))
    }

    /// Removes the devices that belong to nobody and were last seen before `before`; gives how many there were.
    ///
    /// # Errors
    /// [`CoreError`]; another call goes on.
    pub async fn remove_ownerless(&self, before: Timestamp) -> Result<usize, CoreError> {
        let (mut after, mut count) = (None, 0);
        loop {
            let devices = self.devices_of(NOBODY, after).await?;
            let Some(last) = devices.last() else { return Ok(count) };
            after = Some(last.id);
            let is_old = |device: &&Device| {
                let heard = [device.last_seen, device.offline_since].into_iter().flatten();
                heard.fold(device.created_at, Timestamp::max) < before
            };
            let writes: Vec<Write> = devices.iter().filter(is_old).map(|device| self.removal(device.id)).collect();
            count += writes.len();
            if !writes.is_empty() {
                self.log.write_all(writes).await?;
            }
        }
    }

    async fn devices_of(&self, account: &str, after: Option<DeviceId>) -> Result<Vec<Device>, CoreError> {
        let account = Some(account.to_owned());
        let query = DeviceQuery { app: self.app, account, key: None, after, limit: DEVICES_PAGE };
        Ok(self.store.devices(query).await?)
    }

    fn removal(&self, device: DeviceId) -> Write {
        Write::RemoveDevice { device, entry: self.env.entry_id(), at: self.env.now() }
    }

    /// Runs a key derivation: on a blocking thread, a few at once, unless it is wanted in place.
    async fn derive<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, CoreError> {
        if self.env.heavy == HeavyWork::InPlace {
            return Ok(work());
        }
        let stopping = || CoreError::Unavailable("the server is shutting down".to_owned());
        let _permit = self.derivations.acquire().await.map_err(|_| stopping())?;
        tokio::task::spawn_blocking(work).await.map_err(|_| stopping())
    }
}

/// The SCRAM verifier of an account.
#[must_use]
pub(super) fn verifier(account: &Account) -> Verifier {
    Verifier {
        salt: account.salt.clone(),
        iterations: account.iterations,
        stored_key: account.stored_key,
        server_key: account.server_key,
    }
}
