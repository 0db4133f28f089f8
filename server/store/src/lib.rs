//! What the core asks of a store, an in-memory store, and the conformance suite that every store passes.
//! Stores hold no policy: they keep rows, number them, and answer questions about them.
#![forbid(unsafe_code)]

pub mod claim;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod error;
pub mod memory;
pub mod read;
pub mod write;

use std::collections::HashMap;

use async_trait::async_trait;
use longwire_model::account::FastTokens;
use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId, Seq,
    Session, Timestamp, UserKey,
};

pub use claim::Claim;
pub use error::StoreError;
pub use memory::MemoryStore;
pub use read::{DeliveryRow, Head, LoadedDevice, LogPage, LogQuery, LogRow, StoredEntry, Successor};
pub use write::{Write, Written};

use write::Idempotency;

/// A durable store of the log and of everything that stands beside it.
///
/// Reads see what is committed and nothing else. All methods may fail with [`StoreError`].
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Carries out `writes` in order in one transaction that is on disk when this returns; one answer per write, in order.
    /// Log entries get consecutive `seq`s in the order of the writes. A refused write ([`Written::Refused`]) changes nothing and
    /// leaves the others alone; an error means that nothing at all was written.
    async fn commit(&self, writes: Vec<Write>) -> Result<Vec<Written>, StoreError>;

    /// Why the store is not used any more, once reading or writing has failed for good ([`StoreError::Fatal`]): the process should end,
    /// and another open the store anew.
    fn failure(&self) -> Option<String> {
        None
    }

    /// The end of the app's log and its generations, ascending.
    async fn head(&self, app: AppId) -> Result<Head, StoreError>;

    /// A device with its memberships and the newest positions of their keys, all read at one position of the log.
    /// Never reads the log itself (DESIGN rule 11).
    async fn device(&self, id: DeviceId) -> Result<Option<LoadedDevice>, StoreError>;

    /// The device of an account by kind.
    async fn find_device(&self, app: AppId, account: &str, kind: &DeviceKind) -> Result<Option<DeviceId>, StoreError>;

    /// The push devices with this user-agent id, whatever their account, with the hash of the installation secret: for a takeover.
    async fn find_installations(&self, app: AppId, agent: &str) -> Result<Vec<(DeviceId, [u8; 32])>, StoreError>;

    /// Devices in order of id, above `after`, at most `limit`; only those of `account` or bound to `user` where given.
    async fn devices(&self, query: read::DeviceQuery) -> Result<Vec<Device>, StoreError>;

    /// A page of the log for one device: what its memberships may concern, in one lane, in `(after, upto]`, ascending.
    async fn read_log(&self, query: LogQuery) -> Result<LogPage, StoreError>;

    /// One entry with what has become of it for everybody.
    async fn entry(&self, app: AppId, id: EntryId) -> Result<Option<StoredEntry>, StoreError>;

    /// The request that used an idempotency key less than 24 h before `at`, with its answer.
    async fn request(&self, app: AppId, key: &str, at: Timestamp) -> Result<Option<Idempotency>, StoreError>;

    /// Per device in the audience of the notification `entry` (its interval holds the entry's `seq`), in order of device id, above
    /// `after`, at most `limit`: what the delivery state is derived from.
    async fn deliveries(
        &self,
        entry: &Entry,
        after: Option<DeviceId>,
        limit: u32,
    ) -> Result<Vec<DeliveryRow>, StoreError>;

    /// The sessions of devices that ended at `since` or later, and of each the last one before, by when they began. What is open is not
    /// among them.
    async fn sessions(
        &self,
        devices: &[DeviceId],
        since: Timestamp,
    ) -> Result<HashMap<DeviceId, Vec<Session>>, StoreError>;

    /// How many devices hold at least one of `keys` now.
    async fn audience_size(&self, app: AppId, keys: &[AudienceKey]) -> Result<u64, StoreError>;

    /// An account by its prepared name.
    async fn account(&self, name: &str) -> Result<Option<Account>, StoreError>;

    /// Accounts in order of name, above `after`, at most `limit`.
    async fn accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<Account>, StoreError>;

    /// The account of an original androidpn client by its prepared name.
    async fn androidpn_account(&self, name: &str) -> Result<Option<AndroidpnAccount>, StoreError>;

    /// The accounts among these prepared names, in any order.
    async fn accounts_named(&self, names: &[String]) -> Result<Vec<Account>, StoreError> {
        let mut found = Vec::new();
        for name in names {
            found.extend(self.account(name).await?);
        }
        Ok(found)
    }

    /// The accounts of original androidpn clients among these prepared names, in any order.
    async fn androidpn_accounts_named(&self, names: &[String]) -> Result<Vec<AndroidpnAccount>, StoreError> {
        let mut found = Vec::new();
        for name in names {
            found.extend(self.androidpn_account(name).await?);
        }
        Ok(found)
    }

    /// Accounts of original androidpn clients in order of name, above `after`, at most `limit`.
    async fn androidpn_accounts(&self, after: Option<&str>, limit: u32) -> Result<Vec<AndroidpnAccount>, StoreError>;

    /// An API key by its public part, revoked or expired ones too.
    async fn api_key(&self, id: &str) -> Result<Option<ApiKey>, StoreError>;

    /// Every API key of an app, oldest first.
    async fn api_keys(&self, app: AppId) -> Result<Vec<ApiKey>, StoreError>;

    /// An app key by its public part, revoked ones too.
    async fn app_key(&self, id: &str) -> Result<Option<AppKey>, StoreError>;

    /// Every app key of an app, oldest first.
    async fn app_keys(&self, app: AppId) -> Result<Vec<AppKey>, StoreError>;

    /// A user key by its id, revoked ones too.
    async fn user_key(&self, id: &str) -> Result<Option<UserKey>, StoreError>;

    /// Every user key of an app, oldest first.
    async fn user_keys(&self, app: AppId) -> Result<Vec<UserKey>, StoreError>;

    /// The FAST tokens of a device; none when none was ever issued.
    async fn fast_tokens(&self, device: DeviceId) -> Result<Option<FastTokens>, StoreError>;

    /// The position up to which everything was swept: the start for a cursor of an unknown generation. Every retained entry
    /// (and the target of every retained one) lies above it.
    async fn floor(&self, app: AppId) -> Result<Seq, StoreError>;

    /// Removes, for at most `limit` entries, what ended before `before`: expired entries and what only concerned them. What supersedes,
    /// recalls or updates an entry is kept as long as that entry (DESIGN rule 4). Sessions that ended before `before` and before
    /// everything retained go too, but for the last of each device. Gives how many entries went.
    async fn sweep(&self, app: AppId, before: Timestamp, limit: u32) -> Result<u64, StoreError>;
}
