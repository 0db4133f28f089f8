//! What logins ask for in memory, under bounds, kept current by what is committed (DESIGN rule 11): accounts, device records and their
//! FAST tokens; and changes of membership.

mod account;
mod record;
mod records;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_model::account::FastTokens;
use longwire_model::device::{Attempts, DeviceKind};
use longwire_model::membership::apply_change;
use longwire_model::{
    Account, AppId, AudienceKey, DeviceId, Entry, EntryKind, KeyHead, KeyKind, Lane, Membership, Seq, Timestamp,
};
use longwire_router::recent::Recent;
use longwire_store::{LoadedDevice, Store, Write};

use crate::error::CoreError;
use crate::known::Known;
use account::KeptAccount;
use record::{Contact, Record};
use records::Records;

/// Accounts kept in memory, about 250 bytes each; above it the oldest go and are read again at their next login.
const ACCOUNTS_MAX: usize = 4_096;
/// Accounts that are read behind one that was asked for, as long as there is room for them: none goes for what nobody has asked for.
const ACCOUNTS_AHEAD: u32 = 63;

/// The devices of one app.
pub struct Directory {
    store: Arc<dyn Store>,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    app: AppId,
    /// The position up to which everything committed was applied.
    as_of: Seq,
    recent: Recent,
    devices: Records,
    /// Of `all`, once a device was read: all of them are members.
    all: KeyHead,
    /// Of keys that devices in memory share. That of a device's own key is in its record.
    heads: HashMap<AudienceKey, Head>,
    /// Tokens that are being written: how many writes of a device are on their way, and what the last of them says.
    expected: HashMap<DeviceId, (usize, FastTokens)>,
    /// Commits that changed tokens: what was read before one of them may be older.
    token_changes: u64,
    accounts: Known<Arc<KeptAccount>>,
}

#[derive(Debug, Default)]
struct Head {
    head: KeyHead,
    holders: usize,
}

/// What a write beside the log does to what is kept in memory.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Its record moved.
    Recorded(DeviceId, Lane, Seq),
    /// It was heard of, or went.
    Contact(DeviceId, Timestamp, Option<Timestamp>, Option<Timestamp>),
    /// Its attempts changed.
    Attempts(DeviceId, Option<Attempts>),
    /// It belongs to another account now.
    Account(DeviceId, String),
    /// It holds other FAST tokens.
    Tokens(DeviceId, Option<FastTokens>),
    /// An account was made.
    Made(Account),
    /// An account was changed or removed.
    Changed(String),
    /// An API key was revoked.
    KeyRevoked(String, Timestamp),
}

impl Effect {
    /// The effect that `write` has when it is done.
    #[must_use]
    pub fn of(write: &Write) -> Option<Self> {
        match write {
            Write::Acknowledge { device, row } => Some(Self::Recorded(*device, row.lane, row.to)),
            Write::Contact { device, last_seen, next_contact, offline_since } => {
                Some(Self::Contact(*device, *last_seen, *next_contact, *offline_since))
            }
            Write::Attempts { device, attempts } => Some(Self::Attempts(*device, *attempts)),
            Write::TakeOver { device, account, .. } => Some(Self::Account(*device, account.clone())),
            Write::FastTokens { device, tokens } => Some(Self::Tokens(*device, tokens.clone())),
            Write::AddAccount(account) | Write::Admit(account) => Some(Self::Made(account.clone())),
            Write::ChangeAccount { name, .. } | Write::RemoveAccount(name) => Some(Self::Changed(name.clone())),
            Write::RevokeApiKey { id, at, .. } => Some(Self::KeyRevoked(id.clone(), *at)),
            Write::Append { .. }
            | Write::Generation { .. }
            | Write::Register(_)
            | Write::Membership { .. }
            | Write::Claim { .. }
            | Write::RemoveDevice { .. }
            | Write::Event { .. }
            | Write::Action { .. }
            | Write::Session { .. }
            | Write::Alive { .. }
            | Write::Resume { .. }
            | Write::AddAndroidpn { .. }
            | Write::ChangeAndroidpn { .. }
            | Write::RemoveAndroidpn(_)
            | Write::AddApiKey(_)
            | Write::AddAppKey(_)
            | Write::RevokeAppKey { .. }
            | Write::AddUserKey(_)
            | Write::RevokeUserKey { .. } => None,
        }
    }
}

impl Directory {
    /// An empty directory of a log that ends at `last`.
    #[must_use]
    pub fn new(store: Arc<dyn Store>, app: AppId, last: Seq) -> Self {
        let inner = Inner {
            app,
            as_of: last,
            recent: Recent::new(last),
            devices: Records::default(),
            all: KeyHead::default(),
            heads: HashMap::new(),
            expected: HashMap::new(),
            token_changes: 0,
            accounts: Known::new(ACCOUNTS_MAX),
        };
        Self { store, inner: Mutex::new(inner) }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // What a panicking thread left is current up to its last whole step: every step is one assignment or insert.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A device's record as of one position, from memory or from the store.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn load(&self, id: DeviceId) -> Result<Option<LoadedDevice>, CoreError> {
        if let Some(loaded) = self.lock().cached(id) {
            return Ok(Some(loaded));
        }
        let Some(loaded) = self.store.device(id).await? else { return Ok(None) };
        Ok(Some(self.lock().keep(loaded)))
    }

    /// Whether there is such a device in this app.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn exists(&self, app: AppId, id: DeviceId) -> Result<bool, CoreError> {
        // Every notification to a device asks this: a record in memory is looked at, not copied.
        {
            let inner = self.lock();
            if inner.devices.get(id).is_some() {
                return Ok(inner.app == app);
            }
        }
        Ok(self.load(id).await?.is_some_and(|loaded| loaded.device.app == app))
    }

    /// An account, from memory or from the store.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn account(&self, name: &str) -> Result<Option<Account>, CoreError> {
        let changes = match self.lock().accounts.find(name) {
            Ok(kept) => return Ok(Some(kept.account(name))),
            Err(changes) => changes,
        };
        let account = self.store.account(name).await?;
        let Some(found) = &account else { return Ok(None) };
        let has_room = {
            let mut inner = self.lock();
            inner.accounts.keep(name, KeptAccount::new(found), changes);
            inner.accounts.has_room(ACCOUNTS_AHEAD)
        };
        // Behind a start all come back at once: those whose names follow are read with one query.
        if has_room {
            let others = self.store.accounts(Some(name), ACCOUNTS_AHEAD).await?;
            let mut inner = self.lock();
            for other in &others {
                inner.accounts.keep(&other.name, KeptAccount::new(other), changes);
            }
        }
        Ok(account)
    }

    /// The device of an account by kind, from memory or from the store.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn find(&self, app: AppId, account: &str, kind: &DeviceKind) -> Result<Option<DeviceId>, CoreError> {
        let known = {
            let inner = self.lock();
            inner.devices.find(account, kind).filter(|_| inner.app == app)
        };
        match known {
            Some(device) => Ok(Some(device)),
            None => Ok(self.store.find_device(app, account, kind).await?),
        }
    }

    /// The FAST tokens of a device, from memory or from the store.
    ///
    /// # Errors
    /// [`CoreError`] when the store cannot be read.
    pub async fn fast_tokens(&self, device: DeviceId) -> Result<Option<FastTokens>, CoreError> {
        let changes = {
            let inner = self.lock();
            if let Some((_, tokens)) = inner.expected.get(&device) {
                return Ok(Some(tokens.clone()));
            }
            if let Some(tokens) = inner.devices.get(device).and_then(|record| record.tokens.as_deref()) {
                return Ok(tokens.clone());
            }
            inner.token_changes
        };
        let tokens = self.store.fast_tokens(device).await?;
        let mut inner = self.lock();
        if inner.token_changes == changes {
            inner.change(device, |record| record.tokens = Some(Box::new(tokens.clone())));
        }
        Ok(tokens)
    }

    /// A device's tokens are being written: they are good from now on, until [`Self::tokens_written`] is called as often.
    pub fn expect_tokens(&self, device: DeviceId, tokens: FastTokens) {
        let mut inner = self.lock();
        let writes = inner.expected.get(&device).map_or(0, |(writes, _)| *writes);
        inner.expected.insert(device, (writes + 1, tokens));
    }

    /// One write of a device's tokens was made and applied, or was not: what is on disk counts once there is no other.
    pub fn tokens_written(&self, device: DeviceId) {
        let mut inner = self.lock();
        let Some((writes, _)) = inner.expected.get_mut(&device) else { return };
        *writes = writes.saturating_sub(1);
        if *writes == 0 {
            inner.expected.remove(&device);
        }
    }

    /// The name of an account, in the memory of others that hold it where there are any.
    #[must_use]
    pub fn name(&self, account: &str) -> Arc<str> {
        self.lock().accounts.name(account)
    }

    /// Applies what was committed: entries in order, then effects beside the log.
    pub fn apply(&self, entries: &[Arc<Entry>], effects: &[&Effect]) {
        let mut inner = self.lock();
        for entry in entries {
            inner.apply(entry);
        }
        for effect in effects {
            inner.take_effect(effect);
        }
    }
}

impl Inner {
    fn take_effect(&mut self, effect: &Effect) {
        match effect {
            Effect::Recorded(id, lane, seq) => self.change(*id, |record| record.recorded.raise(*lane, *seq)),
            Effect::Contact(id, last_seen, next_contact, offline_since) => self.change(*id, |record| {
                let (next_contact, offline_since) = (*next_contact, *offline_since);
                record.contact = Contact { last_seen: Some(*last_seen), next_contact, offline_since };
            }),
            Effect::Attempts(id, attempts) => self.change(*id, |record| record.attempts = attempts.map(Box::new)),
            Effect::Account(id, account) => self.devices.give(*id, self.accounts.name(account)),
            Effect::Tokens(id, tokens) => {
                self.token_changes += 1;
                self.change(*id, |record| record.tokens = Some(Box::new(tokens.clone())));
            }
            Effect::Made(account) => self.accounts.put(&account.name, KeptAccount::new(account)),
            Effect::Changed(name) => self.accounts.forget(name),
            // Of what is kept beside the directory.
            Effect::KeyRevoked(..) => {}
        }
    }

    fn change(&mut self, id: DeviceId, change: impl FnOnce(&mut Record)) {
        if let Some(record) = self.devices.get_mut(id) {
            change(record);
        }
    }

    fn cached(&self, id: DeviceId) -> Option<LoadedDevice> {
        let record = self.devices.get(id)?;
        let device = record.device(self.app);
        let heads = self.heads_of(record, &device.memberships);
        Some(LoadedDevice { device, heads, as_of: self.as_of })
    }

    fn heads_of(&self, record: &Record, memberships: &[Membership]) -> Vec<(AudienceKey, KeyHead)> {
        let head = |key: &AudienceKey| match key.kind() {
            KeyKind::All => Some(self.all),
            // No device is a member of another's own key.
            KeyKind::Device => Some(record.head),
            KeyKind::User | KeyKind::Topic | KeyKind::Tag => self.heads.get(key).map(|slot| slot.head),
        };
        memberships.iter().filter_map(|own| Some((own.key.clone(), head(&own.key)?))).collect()
    }

    /// Keeps what was read, brought up to date; gives it back as it was read when too much has happened since.
    fn keep(&mut self, mut loaded: LoadedDevice) -> LoadedDevice {
        if let Some(current) = self.cached(loaded.device.id) {
            return current;
        }
        if loaded.as_of > self.as_of || loaded.as_of < self.recent.floor() || loaded.device.app != self.app {
            // Ahead of what was announced, or too old: good for one login, which waits for the rest or reads again.
            return loaded;
        }
        let since: Vec<Arc<Entry>> = self.recent.above(loaded.as_of).cloned().collect();
        for entry in &since {
            if let EntryKind::Membership(change) = &entry.kind
                && change.device == loaded.device.id
            {
                apply_change(&mut loaded.device.memberships, change, entry.seq);
            }
            raise_all(entry, |key, lane, seq, recall| {
                match loaded.heads.iter_mut().find(|(own, _)| own == key) {
                    Some((_, head)) => head.raise(lane, seq, recall),
                    // Nothing was addressed to it before, or the device joined it meanwhile.
                    None if loaded.device.memberships.iter().any(|own| own.key == *key) => {
                        let mut head = KeyHead::default();
                        head.raise(lane, seq, recall);
                        loaded.heads.push((key.clone(), head));
                    }
                    None => {}
                }
            });
        }
        let LoadedDevice { device, heads: read, as_of: _ } = loaded;
        let mut record = Record::new(device.clone(), self.accounts.name(&device.account), KeyHead::default());
        for own in &device.memberships {
            let head = match own.key.kind() {
                KeyKind::All => &mut self.all,
                KeyKind::Device => &mut record.head,
                KeyKind::User | KeyKind::Topic | KeyKind::Tag => {
                    let slot = self.heads.entry(own.key.clone()).or_default();
                    slot.holders += 1;
                    &mut slot.head
                }
            };
            merge(head, read.iter().find(|(key, _)| *key == own.key).map(|(_, head)| *head).unwrap_or_default());
        }
        let current = LoadedDevice { heads: self.heads_of(&record, &device.memberships), device, as_of: self.as_of };
        if let Some(oldest) = self.devices.insert(record) {
            self.let_go(&oldest);
        }
        current
    }

    /// A record has gone: what only it was kept for goes too.
    fn let_go(&mut self, record: &Record) {
        for key in record.memberships.shared().map(|own| &own.key) {
            if let Some(slot) = self.heads.get_mut(key) {
                slot.holders = slot.holders.saturating_sub(1);
                if slot.holders == 0 {
                    self.heads.remove(key);
                }
            }
        }
    }

    fn apply(&mut self, entry: &Arc<Entry>) {
        self.as_of = entry.seq;
        self.recent.push(Arc::clone(entry));
        if let EntryKind::Membership(change) = &entry.kind {
            if change.left.iter().any(|left| left.as_device() == Some(change.device)) {
                if let Some(record) = self.devices.remove(change.device) {
                    self.let_go(&record);
                }
            } else if let Some(record) = self.devices.get_mut(change.device) {
                record.memberships.apply(change, entry.seq);
                for joined in change.joined.iter().filter(|key| key.is_shared()) {
                    self.heads.entry(joined.clone()).or_default().holders += 1;
                }
            }
        }
        raise_all(entry, |key, lane, seq, recall| {
            let head = match key.as_device() {
                Some(id) => self.devices.get_mut(id).map(|record| &mut record.head),
                None if key.kind() == KeyKind::All => Some(&mut self.all),
                None => self.heads.get_mut(key).map(|slot| &mut slot.head),
            };
            if let Some(head) = head {
                head.raise(lane, seq, recall);
            }
        });
    }
}

fn raise_all(entry: &Entry, mut to: impl FnMut(&AudienceKey, Lane, Seq, bool)) {
    let recall = matches!(entry.kind, EntryKind::Recall(..) | EntryKind::Dismissal(..));
    let Some(routing) = entry.kind.routing() else { return };
    for key in routing.audience.iter() {
        to(key, routing.lane, entry.seq, recall);
    }
}

fn merge(head: &mut KeyHead, read: KeyHead) {
    for lane in Lane::ALL {
        head.newest.raise(lane, read.newest.get(lane));
        head.newest_recall.raise(lane, read.newest_recall.get(lane));
    }
}

#[cfg(test)]
mod tests {
    use longwire_model::device::DeviceKind;
    use longwire_model::entry::{Content, Routing};
    use longwire_model::{Device, EntryId, LaneSeqs};
    use longwire_store::MemoryStore;

    use super::*;

    /// A device of alice's that was read when nothing had ever been addressed to her.
    fn read(as_of: Seq) -> LoadedDevice {
        let key: AudienceKey = "user:alice".parse().expect("a key");
        let device = Device {
            id: DeviceId::from_bytes([1; 16]),
            app: AppId::DEFAULT,
            account: "a".into(),
            kind: DeviceKind::Push("agent".into()),
            created_at: Timestamp::from_millis(0),
            recorded: LaneSeqs::both(2),
            memberships: vec![Membership { key, joined: 2, left: None }],
            last_seen: None,
            offline_since: None,
            next_contact: None,
            attempts: None,
            installation_hash: None,
        };
        LoadedDevice { device, heads: Vec::new(), as_of }
    }

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

    #[tokio::test]
    async fn with_an_account_those_are_read_whose_names_follow() {
        let store = Arc::new(MemoryStore::new());
        let made = ["a", "b", "c"].map(|name| Write::AddAccount(account(name)));
        store.commit(made.into()).await.expect("accounts");
        let directory = Directory::new(Arc::<MemoryStore>::clone(&store), AppId::DEFAULT, 0);
        assert_eq!(directory.account("bb").await.expect("readable"), None);
        assert!(directory.lock().accounts.find("c").is_err(), "nobody makes it read by guessing");
        assert_eq!(directory.account("b").await.expect("readable"), Some(account("b")));
        assert!(directory.lock().accounts.find("c").is_ok() && directory.lock().accounts.find("a").is_err());
    }

    #[tokio::test]
    async fn tokens_are_good_while_they_are_written_and_as_written_behind_it() {
        let directory = Directory::new(Arc::new(MemoryStore::new()), AppId::DEFAULT, 0);
        let device = DeviceId::from_bytes([1; 16]);
        let tokens = |mechanism: &str| FastTokens { mechanism: mechanism.to_owned(), current: None, newest: None };
        directory.expect_tokens(device, tokens("1"));
        directory.expect_tokens(device, tokens("2"));
        let held = async || directory.fast_tokens(device).await.expect("readable");
        assert_eq!(held().await, Some(tokens("2")));
        directory.tokens_written(device);
        assert_eq!(held().await, Some(tokens("2")), "one is still on its way");
        directory.tokens_written(device);
        assert_eq!(held().await, None, "the store has written neither");
    }

    #[test]
    fn what_is_addressed_to_a_key_for_the_first_time_while_a_device_is_read_may_wait_for_it() {
        let directory = Directory::new(Arc::new(MemoryStore::new()), AppId::DEFAULT, 4);
        let loaded = read(4);
        let routing = Routing {
            audience: [loaded.device.memberships[0].key.clone()].into(),
            lane: Lane::Normal,
            expires_at: Timestamp::from_millis(1_000),
        };
        let content = Content { routing, filter: None, collapse_key: None, payload: "{}".into() };
        let entry = Entry {
            app: AppId::DEFAULT,
            seq: 5,
            id: EntryId::from_bytes([5; 16]),
            created_at: Timestamp::from_millis(0),
            kind: EntryKind::Notification(content),
        };
        directory.apply(&[Arc::new(entry)], &[]);
        let current = directory.lock().keep(loaded);
        let newest: Vec<Seq> = current.heads.iter().map(|(_, head)| head.newest.normal).collect();
        assert_eq!((current.as_of, newest), (5, vec![5]));
    }
}
