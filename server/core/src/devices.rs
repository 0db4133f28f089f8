//! What the API asks of devices: listing, removal, and changes of user, topics and tags, answered when every worker has passed them.

use longwire_model::limits::TTL_SECONDS_MAX;
use longwire_model::{AudienceKey, Device, DeviceId};
use longwire_protocol::jid::account_name;
use longwire_router::SessionKey;
use longwire_store::read::DeviceQuery;
use longwire_store::write::Refusal;
use longwire_store::{Write, Written};

pub use longwire_store::write::Change;

use crate::auth_manager::{AccountError, RemovedBy};
use crate::notification_manager::unexpected;
use crate::session_manager::EndReason;
use crate::{Core, CoreError};

/// Why a membership was not changed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such device.
    #[error("there is no such device")]
    UnknownDevice,
    /// The device holds as many topics and tags as it may.
    #[error("the device holds as many topics and tags as it may")]
    TooMany,
    /// The core could not do it.
    #[error(transparent)]
    Core(#[from] CoreError),
}

impl Core {
    /// A device, with what is known of it this instant.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn device(&self, id: DeviceId) -> Result<Option<Device>, CoreError> {
        self.presence.settle().await;
        let loaded = self.store.device(id).await?;
        Ok(loaded.map(|loaded| loaded.device).filter(|device| device.app == self.log.app()).map(|mut device| {
            self.presence.refresh(&mut device);
            device
        }))
    }

    /// Devices in order of id, above `after`, at most `limit`; only members of `key` where given.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn devices(
        &self,
        key: Option<AudienceKey>,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<Device>, CoreError> {
        let query = DeviceQuery { app: self.log.app(), account: None, key, after, limit };
        self.presence.settle().await;
        let mut devices = self.store.devices(query).await?;
        for device in &mut devices {
            self.presence.refresh(device);
        }
        Ok(devices)
    }

    /// Changes what a device is a member of. When this returns, no worker sends it what it has left any more (DESIGN rule 3).
    ///
    /// # Errors
    /// [`ChangeError`].
    pub async fn change(&self, device: DeviceId, change: Change) -> Result<(), ChangeError> {
        let (entry, at) = (self.env.entry_id(), self.env.now());
        match self.log.write(Write::Membership { device, change, entry, at }).await? {
            Written::Appended(entry) => Ok(self.sessions.wait_passed(entry.seq).await?),
            Written::Unchanged => Ok(self.sessions.wait_passed(self.log.last()).await?),
            Written::Refused(Refusal::UnknownDevice) => Err(ChangeError::UnknownDevice),
            Written::Refused(Refusal::TooManyMemberships) => Err(ChangeError::TooMany),
            other @ (Written::Done | Written::Exists(_) | Written::Repeated { .. } | Written::Refused(_)) => {
                Err(ChangeError::Core(unexpected(&other)))
            }
        }
    }

    /// Removes a device for good, with everything that is known of it, and ends its session; false when there is none. An account that
    /// still is one can log in from the same phone: as a new device without user, topics and tags.
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn remove_device(&self, device: DeviceId) -> Result<bool, CoreError> {
        if self.device(device).await?.is_none() {
            return Ok(false);
        }
        let (entry, at) = (self.env.entry_id(), self.env.now());
        match self.log.write(Write::RemoveDevice { device, entry, at }).await? {
            Written::Appended(entry) => self.sessions.wait_passed(entry.seq).await.map(|()| true),
            Written::Refused(Refusal::UnknownDevice) => Ok(false),
            other @ (Written::Done
            | Written::Unchanged
            | Written::Exists(_)
            | Written::Repeated { .. }
            | Written::Refused(_)) => Err(unexpected(&other)),
        }
    }

    /// Removes the devices without an account that nobody has come back for while any notification could have waited for them; gives how
    /// many there were.
    ///
    /// # Errors
    /// [`CoreError`]; another call goes on.
    pub async fn remove_ownerless(&self) -> Result<usize, CoreError> {
        let ttl_ms = i64::try_from(TTL_SECONDS_MAX * 1_000).unwrap_or(i64::MAX);
        self.auth.remove_ownerless(self.env.now().plus_millis(-ttl_ms)).await
    }

    /// Removes an account and ends its sessions; false when there is none. What becomes of its devices: [`RemovedBy`].
    ///
    /// # Errors
    /// [`CoreError`].
    pub async fn remove_account(&self, name: &str, by: RemovedBy) -> Result<bool, CoreError> {
        let removed = self.auth.remove_account(name, by).await?;
        self.sessions.end_account(name, None, EndReason::NotAuthorized);
        Ok(removed)
    }

    /// Keeps an account from logging in and ends its sessions, or lets it in again. Its devices stay, and what is sent to them waits.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn set_disabled(&self, name: &str, is_disabled: bool) -> Result<(), AccountError> {
        self.auth.set_disabled(name, is_disabled).await?;
        if is_disabled {
            self.sessions.end_account(name, None, EndReason::NotAuthorized);
        }
        Ok(())
    }

    /// Gives an account another password, one that is made up when none is given, and ends its sessions and tokens but for the session
    /// `by`, which asked for it; gives the password.
    ///
    /// # Errors
    /// [`AccountError`]; the old password stays.
    pub async fn set_password(
        &self,
        name: &str,
        password: Option<&str>,
        by: Option<SessionKey>,
    ) -> Result<String, AccountError> {
        let password = password.map_or_else(|| self.auth.new_password(), str::to_owned);
        match self.auth.change_password(name, password.clone()).await {
            Err(AccountError::Unknown) => self.change_androidpn_password(name, &password).await?,
            done => done?,
        }
        self.sessions.end_account(name, by, EndReason::NotAuthorized);
        Ok(password)
    }
}

/// The name of an account, however it is written; what can be no account's name stays as it is, and finds none.
#[must_use]
pub fn prepared(name: &str) -> String {
    account_name(name).map_or_else(|_| name.to_owned(), |node| node.as_str().to_owned())
}
