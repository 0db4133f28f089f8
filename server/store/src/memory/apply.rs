//! One write on the store in memory.

use std::sync::Arc;

use longwire_model::delivery::{Acknowledgement, Event, NotExtending, USED_ACTIONS_MAX, UsedAction};
use longwire_model::device::Generation;
use longwire_model::entry::MembershipChange;
use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId,
    EntryKind, GenerationId, LaneSeqs, Membership, Seq, Target, Timestamp, UserKey,
};

use super::state::State;
use crate::write::{Change, Dismissal, IDEMPOTENCY_MILLIS, Idempotency, NewDevice, Refusal};
use crate::{Claim, Write, Written};

impl State {
    /// Carries out one write; what is refused changes nothing.
    pub(super) fn apply(&mut self, write: Write) -> Written {
        match write {
            Write::Append { app, id, at, kind, idempotency } => self.append(app, id, at, kind, idempotency),
            Write::Generation { app, id, entry, at } => self.begin_generation(app, id, entry, at),
            Write::Register(device) => self.register(device),
            Write::Membership { device, change, entry, at } => self.change(device, &change, entry, at),
            Write::Claim { device, claim, entry, at } => self.claim(device, &claim, entry, at),
            Write::TakeOver { device, account, unless_disabled } => self.take_over(device, account, unless_disabled),
            Write::RemoveDevice { device, entry, at } => self.remove_device(device, entry, at),
            Write::Acknowledge { device, row } => self.acknowledge(device, row),
            Write::Event { device, entry, event, dismissal } => self.event(device, entry, event, dismissal),
            Write::Action { device, entry, used } => self.action(device, entry, used),
            Write::Session { device, step } => self.session(device, step),
            Write::Alive { app, at } => self.alive(app, at),
            Write::Resume { app, at } => self.resume(app, at),
            Write::Contact { device, last_seen, next_contact, offline_since } => self.update(device, |device| {
                device.last_seen = Some(last_seen);
                device.next_contact = next_contact;
                device.offline_since = offline_since;
            }),
            Write::Attempts { device, attempts } => self.update(device, |device| device.attempts = attempts),
            Write::AddAccount(account) => self.add_account(account),
            Write::Admit(account) => self.admit(account),
            Write::ChangeAccount { name, change } => match self.accounts.get_mut(&name) {
                Some(account) => {
                    change.apply(account);
                    Written::Done
                }
                None => Written::Unchanged,
            },
            Write::RemoveAccount(name) => {
                if self.accounts.remove(&name).is_some() {
                    Written::Done
                } else {
                    Written::Unchanged
                }
            }
            Write::AddAndroidpn { account, device } => self.add_androidpn(account, device),
            Write::ChangeAndroidpn { name, change } => match self.androidpn.get_mut(&name) {
                Some(account) => {
                    change.apply(account);
                    Written::Done
                }
                None => Written::Unchanged,
            },
            Write::RemoveAndroidpn(name) => match self.androidpn.remove(&name) {
                Some(_) => Written::Done,
                None => Written::Unchanged,
            },
            Write::FastTokens { device, tokens } => {
                if !self.devices.contains_key(&device) {
                    return Written::Refused(Refusal::UnknownDevice);
                }
                match tokens {
                    Some(tokens) => self.tokens.insert(device, tokens),
                    None => self.tokens.remove(&device),
                };
                Written::Done
            }
            Write::AddApiKey(key) => self.add_key(key),
            Write::RevokeApiKey { app, id, at } => self.revoke_key(app, &id, at),
            Write::AddAppKey(key) => self.add_app_key(key),
            Write::RevokeAppKey { app, id, at } => self.revoke_app_key(app, &id, at),
            Write::AddUserKey(key) => self.add_user_key(key),
            Write::RevokeUserKey { app, id, at } => self.revoke_user_key(app, &id, at),
        }
    }

    fn append(
        &mut self,
        app: AppId,
        id: EntryId,
        at: Timestamp,
        mut kind: EntryKind,
        idempotency: Option<Idempotency>,
    ) -> Written {
        let log = self.apps.entry(app).or_default();
        if let Some((request, (known, since))) =
            idempotency.as_ref().and_then(|request| Some((request, log.idempotency.get(&request.key)?)))
            && at.millis_since(*since) < IDEMPOTENCY_MILLIS
        {
            if known.body_hash != request.body_hash {
                return Written::Refused(Refusal::IdempotencyMismatch);
            }
            return Written::Repeated { status: known.status, answer: known.answer.clone() };
        }
        if let Some(target) = kind.target() {
            let found = log.find(target.id).filter(|entry| matches!(entry.kind, EntryKind::Notification(_)));
            let Some(seq) = found.map(|entry| entry.seq) else {
                return Written::Refused(Refusal::UnknownTarget);
            };
            if matches!(kind, EntryKind::Recall(..) | EntryKind::Update(..)) && log.recall_of(seq, log.last).is_some() {
                return Written::Unchanged;
            }
            set_target_seq(&mut kind, seq);
        }
        if let Some(request) = idempotency {
            log.idempotency.insert(request.key.clone(), (request, at));
        }
        Written::Appended(self.push(app, id, at, kind))
    }

    /// Appends an entry and raises the heads of its keys.
    fn push(&mut self, app: AppId, id: EntryId, at: Timestamp, kind: EntryKind) -> Arc<Entry> {
        let log = self.apps.entry(app).or_default();
        log.last += 1;
        let entry = Arc::new(Entry { app, seq: log.last, id, created_at: at, kind });
        if let Some(routing) = entry.kind.routing() {
            for key in routing.audience.iter() {
                let head = log.heads.entry(key.clone()).or_default();
                head.raise(routing.lane, entry.seq, entry.kind.content().is_none());
            }
        }
        log.ids.insert(id, entry.seq);
        log.entries.insert(entry.seq, Arc::clone(&entry));
        entry
    }

    fn begin_generation(&mut self, app: AppId, id: GenerationId, entry: EntryId, at: Timestamp) -> Written {
        let entry = self.push(app, entry, at, EntryKind::Generation(id));
        self.apps.entry(app).or_default().generations.push(Generation { id, seq: entry.seq });
        Written::Appended(entry)
    }

    fn register(&mut self, new: NewDevice) -> Written {
        let known = self.find_device(new.app, &new.account, &new.kind);
        if let Some(id) = known.or_else(|| self.devices.contains_key(&new.id).then_some(new.id)) {
            return Written::Exists(id);
        }
        let device = Device {
            id: new.id,
            app: new.app,
            account: new.account,
            kind: new.kind,
            created_at: new.at,
            recorded: LaneSeqs::default(),
            memberships: Vec::new(),
            last_seen: None,
            offline_since: None,
            next_contact: None,
            attempts: None,
            installation_hash: new.installation_hash,
        };
        self.devices.insert(new.id, device);
        let entry = self.move_device(
            new.id,
            new.entry,
            new.at,
            (vec![AudienceKey::device(new.id), AudienceKey::all()], Vec::new()),
        );
        if let (Some(device), Written::Appended(entry)) = (self.devices.get_mut(&new.id), &entry) {
            device.recorded = LaneSeqs::both(entry.seq);
        }
        entry
    }

    fn change(&mut self, device: DeviceId, change: &Change, entry: EntryId, at: Timestamp) -> Written {
        let Some(record) = self.devices.get(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        let moves = match change.against(&open_keys(&record.memberships)) {
            Err(refusal) => return Written::Refused(refusal),
            Ok(moves) => moves,
        };
        if let Some((_, claimed)) = self.claimed_of(device) {
            claimed.retain(|key| change.named() != Some(key));
        }
        moves.map_or(Written::Unchanged, |moves| self.move_device(device, entry, at, moves))
    }

    /// The device of an original client, and what its account has claimed.
    fn claimed_of(&mut self, device: DeviceId) -> Option<(&Device, &mut Vec<AudienceKey>)> {
        let record = self.devices.get(&device).filter(|record| record.kind == DeviceKind::Androidpn)?;
        let account = self.androidpn.get_mut(&record.account)?;
        Some((record, &mut account.claimed))
    }

    fn claim(&mut self, device: DeviceId, claim: &Claim, entry: EntryId, at: Timestamp) -> Written {
        let Some((record, claimed)) = self.claimed_of(device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        match claim.against(claimed, &open_keys(&record.memberships)) {
            Err(refusal) => Written::Refused(refusal),
            Ok(None) => Written::Unchanged,
            Ok(Some(taken)) => {
                let is_silent = taken.is_silent();
                *claimed = taken.claimed;
                if is_silent { Written::Done } else { self.move_device(device, entry, at, taken.moves) }
            }
        }
    }

    /// Appends the entry of a change and moves the memberships by it.
    fn move_device(
        &mut self,
        device: DeviceId,
        id: EntryId,
        at: Timestamp,
        (joined, left): (Vec<AudienceKey>, Vec<AudienceKey>),
    ) -> Written {
        let Some(app) = self.devices.get(&device).map(|record| record.app) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        let change = MembershipChange { device, joined: joined.clone(), left: left.clone() };
        let entry = self.push(app, id, at, EntryKind::Membership(change));
        let memberships = &mut self.devices.get_mut(&device).expect("it was found above").memberships;
        for membership in memberships.iter_mut() {
            if membership.left.is_none() && left.contains(&membership.key) {
                membership.left = Some(entry.seq);
                self.left_at.insert((device, membership.key.clone(), membership.joined), at);
            }
        }
        memberships.extend(joined.into_iter().map(|key| Membership { key, joined: entry.seq, left: None }));
        memberships.sort_by(|a, b| (a.joined, &a.key).cmp(&(b.joined, &b.key)));
        Written::Appended(entry)
    }

    fn take_over(&mut self, device: DeviceId, account: String, unless_disabled: bool) -> Written {
        let Some(record) = self.devices.get(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        if unless_disabled && self.accounts.get(&record.account).is_some_and(|owner| owner.is_disabled) {
            return Written::Refused(Refusal::Disabled);
        }
        match self.find_device(record.app, &account, &record.kind) {
            Some(own) if own != device => Written::Exists(own),
            Some(_) | None => self.update(device, |record| record.account = account),
        }
    }

    fn remove_device(&mut self, device: DeviceId, entry: EntryId, at: Timestamp) -> Written {
        let Some(record) = self.devices.get(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        let left = open_keys(&record.memberships);
        let written = self.move_device(device, entry, at, (Vec::new(), left));
        if let Some(record) = self.devices.remove(&device) {
            self.removed.insert(device, (record.app, record.memberships));
        }
        self.tokens.remove(&device);
        self.sessions.remove(&device);
        written
    }

    fn acknowledge(&mut self, device: DeviceId, row: Acknowledgement) -> Written {
        let Some(record) = self.devices.get_mut(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        let recorded = record.recorded.get(row.lane);
        let row = match row.above(recorded) {
            Ok(Some(row)) => row,
            Ok(None) => return Written::Unchanged,
            Err(NotExtending) => return Written::Refused(Refusal::Stale),
        };
        record.recorded.set(row.lane, row.to);
        self.rows.entry((device, row.lane)).or_default().push(row);
        Written::Done
    }

    fn event(&mut self, device: DeviceId, entry: EntryId, event: Event, dismissal: Option<Dismissal>) -> Written {
        let Some(record) = self.devices.get(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        let app = record.app;
        if self.apps.get(&app).is_none_or(|log| log.find(entry).is_none()) {
            return Written::Unchanged;
        }
        let events = self.events.entry((entry, device)).or_default();
        if events.iter().any(|known| known.kind == event.kind) {
            return Written::Unchanged;
        }
        events.push(event);
        events.sort_by_key(|event| event.kind);
        let Some(Dismissal { id, at, target, routing }) = dismissal else { return Written::Done };
        let kind = EntryKind::Dismissal(target, routing);
        if self.apps.get(&app).is_some_and(|log| log.holds_dismissal(&kind)) {
            return Written::Done;
        }
        let written = self.append(app, id, at, kind, None);
        if matches!(written, Written::Refused(_)) { Written::Done } else { written }
    }

    fn action(&mut self, device: DeviceId, entry: EntryId, used: UsedAction) -> Written {
        let Some(record) = self.devices.get(&device) else {
            return Written::Refused(Refusal::UnknownDevice);
        };
        if self.apps.get(&record.app).is_none_or(|log| log.find(entry).is_none()) {
            return Written::Unchanged;
        }
        let actions = self.actions.entry((entry, device)).or_default();
        if actions.len() >= USED_ACTIONS_MAX || actions.iter().any(|known| known.is_same_as(&used)) {
            return Written::Unchanged;
        }
        actions.push(used);
        actions.sort();
        Written::Done
    }

    fn update(&mut self, device: DeviceId, update: impl FnOnce(&mut Device)) -> Written {
        match self.devices.get_mut(&device) {
            None => Written::Refused(Refusal::UnknownDevice),
            Some(record) => {
                update(record);
                Written::Done
            }
        }
    }

    fn add_androidpn(&mut self, account: AndroidpnAccount, device: NewDevice) -> Written {
        if self.is_taken(&account.name) {
            return Written::Unchanged;
        }
        self.androidpn.insert(account.name.clone(), account);
        self.register(device)
    }

    /// Whether there is an account of either kind.
    fn is_taken(&self, name: &str) -> bool {
        self.accounts.contains_key(name) || self.androidpn.contains_key(name)
    }

    fn add_account(&mut self, account: Account) -> Written {
        if self.androidpn.contains_key(&account.name) {
            return Written::Unchanged;
        }
        match self.accounts.entry(account.name.clone()) {
            std::collections::btree_map::Entry::Vacant(slot) => {
                slot.insert(account);
                Written::Done
            }
            std::collections::btree_map::Entry::Occupied(_) => Written::Unchanged,
        }
    }

    fn admit(&mut self, account: Account) -> Written {
        if self.is_taken(&account.name) {
            return Written::Unchanged;
        }
        let is_it = |key: &&mut AppKey| account.app_key.as_ref() == Some(&key.id) && key.revoked_at.is_none();
        let Some(key) = self.app_keys.iter_mut().find(is_it) else {
            return Written::Refused(Refusal::UnknownAppKey);
        };
        key.registrations += 1;
        key.last_used_at = Some(account.created_at);
        self.add_account(account)
    }

    fn add_app_key(&mut self, key: AppKey) -> Written {
        if self.app_keys.iter().any(|known| known.id == key.id) {
            return Written::Unchanged;
        }
        self.app_keys.push(key);
        Written::Done
    }

    fn revoke_app_key(&mut self, app: AppId, id: &str, at: Timestamp) -> Written {
        let found = self.app_keys.iter_mut().find(|key| key.app == app && key.id == id && key.revoked_at.is_none());
        found.map_or(Written::Unchanged, |key| {
            key.revoked_at = Some(at);
            Written::Done
        })
    }

    fn add_user_key(&mut self, key: UserKey) -> Written {
        if self.user_keys.iter().any(|known| known.id == key.id) {
            return Written::Unchanged;
        }
        self.user_keys.push(key);
        Written::Done
    }

    fn revoke_user_key(&mut self, app: AppId, id: &str, at: Timestamp) -> Written {
        let found = self.user_keys.iter_mut().find(|key| key.app == app && key.id == id && key.revoked_at.is_none());
        found.map_or(Written::Unchanged, |key| {
            key.revoked_at = Some(at);
            Written::Done
        })
    }

    fn add_key(&mut self, key: ApiKey) -> Written {
        if self.keys.iter().any(|known| known.id == key.id) {
            return Written::Unchanged;
        }
        self.keys.push(key);
        Written::Done
    }

    fn revoke_key(&mut self, app: AppId, id: &str, at: Timestamp) -> Written {
        let found = self.keys.iter_mut().find(|key| key.app == app && key.id == id && key.revoked_at.is_none());
        found.map_or(Written::Unchanged, |key| {
            key.revoked_at = Some(at);
            Written::Done
        })
    }
}

/// The keys of the open memberships.
fn open_keys(memberships: &[Membership]) -> Vec<AudienceKey> {
    memberships.iter().filter(|membership| membership.left.is_none()).map(|membership| membership.key.clone()).collect()
}

/// Makes `kind` name its target by the position that the log knows.
fn set_target_seq(kind: &mut EntryKind, seq: Seq) {
    match kind {
        EntryKind::Update(target, _) | EntryKind::Recall(target, _) | EntryKind::Dismissal(target, _) => {
            *target = Target { seq, ..*target };
        }
        EntryKind::Notification(_) | EntryKind::Membership(_) | EntryKind::Generation(_) => {}
    }
}
