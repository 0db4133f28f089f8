//! Questions to the store in memory.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, DeviceKind, Entry, EntryId,
    EntryKind, Membership, Seq, Timestamp, UserKey,
};

use super::state::{Log, State, supersedes};
use crate::read::DeviceQuery;
use crate::write::{IDEMPOTENCY_MILLIS, Idempotency};
use crate::{DeliveryRow, Head, LoadedDevice, LogPage, LogQuery, LogRow, StoredEntry, Successor};

impl State {
    pub(super) fn head(&self, app: AppId) -> Head {
        self.apps.get(&app).map_or_else(
            || Head { last: 0, generations: Vec::new() },
            |log| Head { last: log.last, generations: log.generations.clone() },
        )
    }

    pub(super) fn device(&self, id: DeviceId) -> Option<LoadedDevice> {
        let device = self.devices.get(&id)?.clone();
        let log = self.apps.get(&device.app)?;
        let keys: BTreeSet<&AudienceKey> = device.memberships.iter().map(|membership| &membership.key).collect();
        let heads = keys.into_iter().filter_map(|key| Some((key.clone(), *log.heads.get(key)?))).collect();
        Some(LoadedDevice { device, heads, as_of: log.last })
    }

    pub(super) fn find_device(&self, app: AppId, account: &str, kind: &DeviceKind) -> Option<DeviceId> {
        let is_it = |device: &&Device| device.app == app && device.account == account && device.kind == *kind;
        self.devices.values().find(is_it).map(|device| device.id)
    }

    pub(super) fn find_installations(&self, app: AppId, agent: &str) -> Vec<(DeviceId, [u8; 32])> {
        let is_it = |device: &&Device| device.app == app && matches!(&device.kind, DeviceKind::Push(id) if id == agent);
        self.devices.values().filter(is_it).filter_map(|device| Some((device.id, device.installation_hash?))).collect()
    }

    pub(super) fn devices(&self, query: &DeviceQuery) -> Vec<Device> {
        let after = query.after.map_or(Bound::Unbounded, Bound::Excluded);
        self.devices
            .range((after, Bound::Unbounded))
            .map(|(_, device)| device)
            .filter(|device| device.app == query.app)
            .filter(|device| query.account.as_ref().is_none_or(|account| device.account == *account))
            .filter(|device| query.key.as_ref().is_none_or(|key| is_member(&device.memberships, key)))
            .take(as_usize(query.limit))
            .cloned()
            .collect()
    }

    pub(super) fn read_log(&self, query: &LogQuery) -> LogPage {
        let Some(log) = self.apps.get(&query.app).filter(|_| query.after < query.upto) else {
            return LogPage { rows: Vec::new(), complete_to: query.upto };
        };
        let range = (Bound::Excluded(query.after), Bound::Included(query.upto));
        let mut candidates =
            log.entries.range(range).map(|(_, entry)| entry).filter(|entry| concerns(entry, query)).peekable();
        let mut rows = Vec::new();
        while rows.len() < as_usize(query.limit) {
            let Some(entry) = candidates.next() else { break };
            rows.push(log_row(log, entry, query.upto));
        }
        let is_end = candidates.peek().is_none();
        let last = rows.last().map_or(query.after, |row| row.entry.seq);
        LogPage { rows, complete_to: if is_end { query.upto } else { last } }
    }

    pub(super) fn request(&self, app: AppId, key: &str, at: Timestamp) -> Option<Idempotency> {
        let (request, since) = self.apps.get(&app)?.idempotency.get(key)?;
        (at.millis_since(*since) < IDEMPOTENCY_MILLIS).then(|| request.clone())
    }

    pub(super) fn entry(&self, app: AppId, id: EntryId) -> Option<StoredEntry> {
        let log = self.apps.get(&app)?;
        let row = log_row(log, log.find(id)?, log.last);
        let recall = row.recalled.and_then(|seq| log.entries.get(&seq));
        let recalled = recall.map(|recall| (recall.seq, recall.created_at));
        Some(StoredEntry { entry: row.entry, recalled, update: row.update, successors: row.successors })
    }

    pub(super) fn deliveries(&self, entry: &Entry, after: Option<DeviceId>, limit: u32) -> Vec<DeliveryRow> {
        let Some(routing) = entry.kind.routing() else {
            return Vec::new();
        };
        let mut rows: Vec<DeliveryRow> = self
            .devices
            .iter()
            .map(|(id, device)| (*id, device.app, &device.memberships))
            .chain(self.removed.iter().map(|(id, (app, memberships))| (*id, *app, memberships)))
            .filter(|(id, app, memberships)| {
                let holds = |membership: &Membership| holds(membership, &routing.audience, entry.seq);
                *app == entry.app && after.is_none_or(|after| *id > after) && memberships.iter().any(holds)
            })
            .map(|(id, _, memberships)| self.delivery(entry, id, memberships, &routing.audience))
            .collect();
        rows.sort_by_key(|row| row.device);
        rows.truncate(as_usize(limit));
        rows
    }

    fn delivery(
        &self,
        entry: &Entry,
        id: DeviceId,
        memberships: &[Membership],
        audience: &[AudienceKey],
    ) -> DeliveryRow {
        let record = self.devices.get(&id);
        let lane = entry.kind.routing().map(|routing| routing.lane);
        let rows = lane.and_then(|lane| self.rows.get(&(id, lane)));
        DeliveryRow {
            device: id,
            account: record.map(|record| record.account.clone()).filter(|account| !account.is_empty()),
            memberships: memberships.to_vec(),
            left_at: self.left_at(id, memberships, audience, entry.seq),
            acknowledgement: rows
                .and_then(|rows| rows.iter().find(|row| row.from < entry.seq && entry.seq <= row.to).cloned()),
            events: self.events.get(&(entry.id, id)).cloned().unwrap_or_default(),
            actions: self.actions.get(&(entry.id, id)).cloned().unwrap_or_default(),
            recorded: record.zip(lane).map_or(0, |(record, lane)| record.recorded.get(lane)),
            offline_since: record.and_then(|record| record.offline_since),
            last_seen: record.and_then(|record| record.last_seen),
        }
    }

    /// When the last of the intervals that hold `seq` was left; none while one is open.
    fn left_at(
        &self,
        id: DeviceId,
        memberships: &[Membership],
        audience: &[AudienceKey],
        seq: Seq,
    ) -> Option<Timestamp> {
        let holding = memberships.iter().filter(|membership| holds(membership, audience, seq));
        holding
            .map(|membership| self.left_at.get(&(id, membership.key.clone(), membership.joined)).copied())
            .try_fold(None, |latest: Option<Timestamp>, left| {
                left.map(|left| Some(latest.map_or(left, |at| at.max(left))))
            })
            .flatten()
    }

    pub(super) fn audience_size(&self, app: AppId, keys: &[AudienceKey]) -> u64 {
        let is_in = |device: &&Device| device.app == app && keys.iter().any(|key| is_member(&device.memberships, key));
        self.devices.values().filter(is_in).count() as u64
    }

    pub(super) fn accounts(&self, after: Option<&str>, limit: u32) -> Vec<Account> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.accounts.range::<str, _>((after, Bound::Unbounded));
        range.map(|(_, account)| account.clone()).take(as_usize(limit)).collect()
    }

    pub(super) fn androidpn_accounts(&self, after: Option<&str>, limit: u32) -> Vec<AndroidpnAccount> {
        let after = after.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.androidpn.range::<str, _>((after, Bound::Unbounded));
        range.map(|(_, account)| account.clone()).take(as_usize(limit)).collect()
    }

    pub(super) fn api_keys(&self, app: AppId) -> Vec<ApiKey> {
        let mut keys: Vec<ApiKey> = self.keys.iter().filter(|key| key.app == app).cloned().collect();
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        keys
    }

    pub(super) fn app_keys_of(&self, app: AppId) -> Vec<AppKey> {
        let mut keys: Vec<AppKey> = self.app_keys.iter().filter(|key| key.app == app).cloned().collect();
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        keys
    }

    pub(super) fn user_keys_of(&self, app: AppId) -> Vec<UserKey> {
        let mut keys: Vec<UserKey> = self.user_keys.iter().filter(|key| key.app == app).cloned().collect();
        keys.sort_by(|a, b| (a.created_at, &a.id).cmp(&(b.created_at, &b.id)));
        keys
    }
}

fn log_row(log: &Log, entry: &Arc<Entry>, upto: Seq) -> LogRow {
    let (recalled, update) = match &entry.kind {
        EntryKind::Notification(_) | EntryKind::Update(..) => {
            let target = entry.audience_seq();
            (log.recall_of(target, upto), log.update_of(target, entry.seq, upto).cloned())
        }
        EntryKind::Recall(..) | EntryKind::Dismissal(..) | EntryKind::Membership(_) | EntryKind::Generation(_) => {
            (None, None)
        }
    };
    let mut successors = Vec::new();
    if upto > entry.seq && entry.kind.content().is_some_and(|content| content.collapse_key.is_some()) {
        for (_, newer) in log.entries.range(entry.seq + 1..=upto).filter(|(_, newer)| supersedes(newer, entry)) {
            let filter = newer.kind.content().and_then(|content| content.filter.clone());
            let is_last = filter.is_none();
            successors.push(Successor { seq: newer.seq, id: newer.id, at: newer.created_at, filter });
            if is_last {
                break;
            }
        }
    }
    LogRow { entry: Arc::clone(entry), recalled: recalled.map(|recall| recall.seq), update, successors }
}

/// Whether an entry may concern a device with the memberships of `query`.
fn concerns(entry: &Entry, query: &LogQuery) -> bool {
    entry.kind.routing().is_some_and(|routing| {
        let at = entry.audience_seq();
        routing.lane == query.lane
            && query.memberships.iter().any(|membership| holds(membership, &routing.audience, at))
    })
}

fn holds(membership: &Membership, audience: &[AudienceKey], seq: Seq) -> bool {
    membership.holds(seq) && audience.contains(&membership.key)
}

fn is_member(memberships: &[Membership], key: &AudienceKey) -> bool {
    memberships.iter().any(|membership| membership.left.is_none() && membership.key == *key)
}

fn as_usize(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX)
}
