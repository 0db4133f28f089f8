//! What ended leaves the store in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use longwire_model::{AppId, AudienceKey, Entry, EntryKind, Membership, Seq, Timestamp};

use super::state::{Log, State, supersedes};
use crate::write::IDEMPOTENCY_MILLIS;

impl State {
    /// Removes what ended before `before`, at most `limit` entries; see [`crate::Store::sweep`].
    pub(super) fn sweep(&mut self, app: AppId, before: Timestamp, limit: u32) -> u64 {
        let Some(log) = self.apps.get_mut(&app) else {
            return 0;
        };
        let mut room = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut swept = Vec::new();
        for choose in [ended_notifications, ended_followers, ended_marks] {
            let chosen: Vec<Arc<Entry>> = choose(log, before).into_iter().take(room).collect();
            room -= chosen.len();
            for entry in &chosen {
                log.entries.remove(&entry.seq);
                log.ids.remove(&entry.id);
            }
            swept.extend(chosen);
        }
        log.floor = lowest_retained(log).map_or(log.last, |lowest| lowest - 1).max(log.floor);
        log.idempotency.retain(|_, (_, at)| before.millis_since(*at) < IDEMPOTENCY_MILLIS);
        let floor = log.floor;
        let ids: BTreeSet<_> = swept.iter().map(|entry| entry.id).collect();
        self.events.retain(|(entry, _), _| !ids.contains(entry));
        self.actions.retain(|(entry, _), _| !ids.contains(entry));
        self.free_below(app, floor);
        self.free_sessions(app, before, floor);
        self.free_heads(app);
        swept.len() as u64
    }

    /// Frees the heads of keys that nobody holds and to which nothing retained is addressed.
    fn free_heads(&mut self, app: AppId) {
        let Some(log) = self.apps.get_mut(&app) else { return };
        let audiences = log.entries.values().filter_map(|entry| entry.kind.routing());
        let mut kept: BTreeSet<AudienceKey> = audiences.flat_map(|routing| routing.audience.iter().cloned()).collect();
        for device in self.devices.values().filter(|device| device.app == app) {
            let open = device.memberships.iter().filter(|membership| membership.left.is_none());
            kept.extend(open.map(|membership| membership.key.clone()));
        }
        log.heads.retain(|key, _| kept.contains(key));
    }

    /// Frees intervals and acknowledgement rows in which nothing retained lies.
    fn free_below(&mut self, app: AppId, floor: Seq) {
        let is_kept = |membership: &Membership| membership.left.is_none_or(|left| left > floor);
        for device in self.devices.values_mut().filter(|device| device.app == app) {
            device.memberships.retain(is_kept);
        }
        for (_, memberships) in self.removed.values_mut().filter(|(owner, _)| *owner == app) {
            memberships.retain(is_kept);
        }
        self.removed.retain(|_, (_, memberships)| !memberships.is_empty());
        let (devices, removed) = (&self.devices, &self.removed);
        self.left_at.retain(|(device, key, joined), _| {
            let memberships = devices.get(device).map(|device| &device.memberships);
            let memberships = memberships.or_else(|| removed.get(device).map(|(_, memberships)| memberships));
            memberships.is_some_and(|all| all.iter().any(|own| own.joined == *joined && own.key == *key))
        });
        for ((device, _), rows) in &mut self.rows {
            let owner = devices.get(device).map(|device| device.app);
            let owner = owner.or_else(|| removed.get(device).map(|(owner, _)| *owner));
            rows.retain(|row| owner.is_some_and(|owner| owner != app || row.to > floor));
        }
        self.rows.retain(|_, rows| !rows.is_empty());
    }
}

/// Expired notifications that supersede nothing unexpired (DESIGN rule 4).
fn ended_notifications(log: &Log, before: Timestamp) -> Vec<Arc<Entry>> {
    let is_ended = |entry: &&Arc<Entry>| {
        matches!(entry.kind, EntryKind::Notification(_))
            && is_expired(entry, before)
            && !log.entries.range(..entry.seq).any(|(_, older)| !is_expired(older, before) && supersedes(entry, older))
    };
    log.entries.values().filter(is_ended).cloned().collect()
}

/// Expired updates, recalls and dismissals whose target is gone.
fn ended_followers(log: &Log, before: Timestamp) -> Vec<Arc<Entry>> {
    let is_ended = |entry: &&Arc<Entry>| {
        let target = entry.kind.target();
        target.is_some_and(|target| !log.entries.contains_key(&target.seq)) && is_expired(entry, before)
    };
    log.entries.values().filter(is_ended).cloned().collect()
}

/// Membership and generation entries below everything that is retained: the records beside the log hold what they say.
fn ended_marks(log: &Log, before: Timestamp) -> Vec<Arc<Entry>> {
    let lowest = lowest_retained(log).unwrap_or(Seq::MAX);
    let is_ended =
        |entry: &&Arc<Entry>| entry.kind.routing().is_none() && entry.seq < lowest && entry.created_at < before;
    log.entries.values().filter(is_ended).cloned().collect()
}

fn is_expired(entry: &Entry, before: Timestamp) -> bool {
    entry.kind.routing().is_some_and(|routing| routing.expires_at < before)
}

/// The lowest position that a retained entry lies at or is about.
fn lowest_retained(log: &Log) -> Option<Seq> {
    log.entries.values().filter(|entry| entry.kind.routing().is_some()).map(|entry| entry.audience_seq()).min()
}
