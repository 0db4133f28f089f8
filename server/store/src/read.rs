//! Questions to a store and their answers.

use std::sync::Arc;

use longwire_model::delivery::{Acknowledgement, Event, UsedAction};
use longwire_model::device::Generation;
use longwire_model::{
    AppId, AudienceKey, Device, DeviceId, Entry, EntryId, Filter, KeyHead, Lane, Membership, Seq, Timestamp,
};

/// The end of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The last `seq`; 0 before the first entry. A row of its own, never `max(seq)` (DESIGN rule 1).
    pub last: Seq,
    /// The generations, ascending.
    pub generations: Vec<Generation>,
}

/// A device as of one position.
#[derive(Clone, Debug, PartialEq)]
pub struct LoadedDevice {
    /// The device.
    pub device: Device,
    /// The newest positions per key of its memberships (open or left); keys never addressed may be absent.
    pub heads: Vec<(AudienceKey, KeyHead)>,
    /// The log's last `seq` when it was read.
    pub as_of: Seq,
}

/// Which devices.
#[derive(Clone, Debug)]
pub struct DeviceQuery {
    /// The app.
    pub app: AppId,
    /// Only of this account.
    pub account: Option<String>,
    /// Only members of this key, now.
    pub key: Option<AudienceKey>,
    /// Only ids above this one.
    pub after: Option<DeviceId>,
    /// At most so many.
    pub limit: u32,
}

/// Which part of the log, for one device.
#[derive(Clone, Debug)]
pub struct LogQuery {
    /// The app.
    pub app: AppId,
    /// The device's memberships, open and left.
    pub memberships: Arc<[Membership]>,
    /// The lane.
    pub lane: Lane,
    /// Positions above this one.
    pub after: Seq,
    /// Positions up to this one.
    pub upto: Seq,
    /// At most so many rows.
    pub limit: u32,
}

/// A page of the log.
#[derive(Clone, Debug, Default)]
pub struct LogPage {
    /// Candidates, ascending: every notification, update, recall or dismissal in the lane with a key of the memberships whose
    /// position (for what follows a target: the target's) may lie in that key's interval. Others may be among them.
    pub rows: Vec<LogRow>,
    /// Everything up to here is in `rows`: `upto` when the end was reached, else the last row's `seq`.
    pub complete_to: Seq,
}

/// An entry with what decides whether it is still sent.
#[derive(Clone, Debug)]
pub struct LogRow {
    /// The entry.
    pub entry: Arc<Entry>,
    /// Of a notification or update: the position of the recall of it (or of its target) up to `upto`.
    pub recalled: Option<Seq>,
    /// Of a notification or update: the newest update of it (or of its target) above it, up to `upto`.
    pub update: Option<Arc<Entry>>,
    /// Of a notification with a collapse key: newer notifications up to `upto` with the same lane, audience and key, ascending,
    /// up to and including the first without a filter (no later one changes what becomes of this entry).
    pub successors: Vec<Successor>,
}

/// A newer notification with the same lane, audience and collapse key.
#[derive(Clone, Debug, PartialEq)]
pub struct Successor {
    /// Its position.
    pub seq: Seq,
    /// Its id.
    pub id: EntryId,
    /// When it was accepted.
    pub at: Timestamp,
    /// Its filter.
    pub filter: Option<Filter>,
}

/// An entry and its end for everybody.
#[derive(Clone, Debug)]
pub struct StoredEntry {
    /// The entry.
    pub entry: Arc<Entry>,
    /// The recall of it: its position and when it was accepted.
    pub recalled: Option<(Seq, Timestamp)>,
    /// The newest update of it: its content of now.
    pub update: Option<Arc<Entry>>,
    /// Newer notifications with the same lane, audience and collapse key, ascending, up to and including the first without a
    /// filter.
    pub successors: Vec<Successor>,
}

/// What the state of one notification on one device is derived from.
#[derive(Clone, Debug)]
pub struct DeliveryRow {
    /// The device.
    pub device: DeviceId,
    /// The account that it belongs to; none when the device or its account was removed.
    pub account: Option<String>,
    /// All its memberships.
    pub memberships: Vec<Membership>,
    /// When it left the audience: set when no interval that holds the entry is open.
    pub left_at: Option<Timestamp>,
    /// The acknowledgement row of the entry's lane that covers its `seq`.
    pub acknowledgement: Option<Acknowledgement>,
    /// Its events about the notification.
    pub events: Vec<Event>,
    /// Which of its actions were used on it, by when.
    pub actions: Vec<UsedAction>,
    /// Up to where it has acknowledged the entry's lane.
    pub recorded: Seq,
    /// Since when it has no session.
    pub offline_since: Option<Timestamp>,
    /// When it was last heard of.
    pub last_seen: Option<Timestamp>,
}
