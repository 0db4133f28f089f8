//! What the store in memory holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use longwire_model::account::FastTokens;
use longwire_model::delivery::{Acknowledgement, Event, UsedAction};
use longwire_model::device::Generation;
use longwire_model::{
    Account, AndroidpnAccount, ApiKey, AppId, AppKey, AudienceKey, Device, DeviceId, Entry, EntryId, EntryKind,
    KeyHead, Lane, Membership, Seq, Session, Timestamp, UserKey,
};

use crate::write::Idempotency;

/// Everything.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub(super) apps: BTreeMap<AppId, Log>,
    pub(super) devices: BTreeMap<DeviceId, Device>,
    /// Memberships of removed devices, for the deliveries of what is retained.
    pub(super) removed: BTreeMap<DeviceId, (AppId, Vec<Membership>)>,
    /// When a membership (device, key, joined) was left.
    pub(super) left_at: BTreeMap<(DeviceId, AudienceKey, Seq), Timestamp>,
    pub(super) rows: BTreeMap<(DeviceId, Lane), Vec<Acknowledgement>>,
    pub(super) events: BTreeMap<(EntryId, DeviceId), Vec<Event>>,
    pub(super) actions: BTreeMap<(EntryId, DeviceId), Vec<UsedAction>>,
    pub(super) sessions: BTreeMap<DeviceId, Sessions>,
    pub(super) tokens: BTreeMap<DeviceId, FastTokens>,
    pub(super) accounts: BTreeMap<String, Account>,
    pub(super) androidpn: BTreeMap<String, AndroidpnAccount>,
    pub(super) keys: Vec<ApiKey>,
    pub(super) app_keys: Vec<AppKey>,
    pub(super) user_keys: Vec<UserKey>,
}

/// What is kept of a device's sessions.
#[derive(Clone, Debug, Default)]
pub(super) struct Sessions {
    /// When the open one began.
    pub(super) open: Option<Timestamp>,
    /// The ended ones, by when they began.
    pub(super) ended: BTreeMap<Timestamp, Session>,
}

/// One app's log.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) last: Seq,
    /// When the server is known to have run last.
    pub(super) alive_at: Timestamp,
    pub(super) floor: Seq,
    pub(super) generations: Vec<Generation>,
    pub(super) entries: BTreeMap<Seq, Arc<Entry>>,
    pub(super) ids: HashMap<EntryId, Seq>,
    pub(super) heads: HashMap<AudienceKey, KeyHead>,
    pub(super) idempotency: HashMap<String, (Idempotency, Timestamp)>,
}

impl Log {
    /// The entry of an id.
    pub(super) fn find(&self, id: EntryId) -> Option<&Arc<Entry>> {
        self.entries.get(self.ids.get(&id)?)
    }

    /// The newest update of the notification at `target` in `(after, upto]`.
    pub(super) fn update_of(&self, target: Seq, after: Seq, upto: Seq) -> Option<&Arc<Entry>> {
        if upto <= after {
            return None;
        }
        let is_it = |entry: &&Arc<Entry>| matches!(entry.kind, EntryKind::Update(..)) && entry.audience_seq() == target;
        self.entries.range(after + 1..=upto).map(|(_, entry)| entry).rev().find(is_it)
    }

    /// The recall of the notification at `target`, up to `upto`.
    pub(super) fn recall_of(&self, target: Seq, upto: Seq) -> Option<&Arc<Entry>> {
        if upto <= target {
            return None;
        }
        self.entries
            .range(target + 1..=upto)
            .map(|(_, entry)| entry)
            .find(|entry| is_recall(entry) && entry.audience_seq() == target)
    }
}

impl Log {
    /// Whether a dismissal of the same target for the same audience is there already.
    pub(super) fn holds_dismissal(&self, kind: &EntryKind) -> bool {
        let (Some(target), Some(routing)) = (kind.target(), kind.routing()) else { return false };
        let is_same = |entry: &Arc<Entry>| match &entry.kind {
            EntryKind::Dismissal(own, to) => own.id == target.id && to.audience == routing.audience,
            EntryKind::Notification(_)
            | EntryKind::Update(..)
            | EntryKind::Recall(..)
            | EntryKind::Membership(_)
            | EntryKind::Generation(_) => false,
        };
        self.entries.values().any(is_same)
    }
}

/// Whether an entry is a recall.
pub(super) fn is_recall(entry: &Entry) -> bool {
    matches!(entry.kind, longwire_model::EntryKind::Recall(..))
}

/// Whether `newer` is a notification that takes the place of the notification `older`, wherever its filter lets it.
pub(super) fn supersedes(newer: &Entry, older: &Entry) -> bool {
    use longwire_model::EntryKind::Notification;
    let (Notification(newer_content), Notification(older_content)) = (&newer.kind, &older.kind) else {
        return false;
    };
    newer.seq > older.seq
        && newer_content.collapse_key.is_some()
        && newer_content.collapse_key == older_content.collapse_key
        && newer_content.routing.lane == older_content.routing.lane
        && newer_content.routing.audience == older_content.routing.audience
}
