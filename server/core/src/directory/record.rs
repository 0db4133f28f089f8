//! Device records as memory holds them: a fraction of what a store gives, since one of each device is kept.

use std::num::NonZeroU64;
use std::sync::Arc;

use longwire_model::account::FastTokens;
use longwire_model::device::{Attempts, DeviceKind};
use longwire_model::{AppId, AudienceKey, Device, DeviceId, KeyHead, LaneSeqs, Membership, Timestamp};

/// A device's record.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) id: DeviceId,
    /// Its text is shared with whoever else holds the name.
    pub(super) account: Arc<str>,
    pub(super) kind: DeviceKind,
    pub(super) recorded: LaneSeqs,
    pub(super) contact: Contact,
    pub(super) attempts: Option<Box<Attempts>>,
    /// Once they were asked for.
    pub(super) tokens: Option<Box<Option<FastTokens>>>,
    /// The newest positions of its own key.
    pub(super) head: KeyHead,
    created_at: Timestamp,
    installation_hash: Option<Box<[u8; 32]>>,
    /// Where it joined `all` and its own key, when its memberships begin with these two: so all but the oldest do.
    registered: Option<NonZeroU64>,
    /// The others.
    memberships: Box<[Membership]>,
}

/// When a device was heard of, since when it is gone, when it is expected; as in [`Device`].
#[derive(Clone, Copy, Debug)]
pub(super) struct Contact {
    pub(super) last_seen: Option<Timestamp>,
    pub(super) next_contact: Option<Timestamp>,
    pub(super) offline_since: Option<Timestamp>,
}

impl Record {
    /// Of what a store gave; `head` is that of the device's own key.
    pub(super) fn new(device: Device, account: Arc<str>, head: KeyHead) -> Self {
        let Device { last_seen, next_contact, offline_since, .. } = device;
        let (registered, memberships) = fold(device.id, device.memberships);
        Self {
            id: device.id,
            account,
            kind: device.kind,
            recorded: device.recorded,
            contact: Contact { last_seen, next_contact, offline_since },
            attempts: device.attempts.map(Box::new),
            tokens: None,
            head,
            created_at: device.created_at,
            installation_hash: device.installation_hash.map(Box::new),
            registered,
            memberships,
        }
    }

    /// As a store gives it.
    pub(super) fn device(&self, app: AppId) -> Device {
        let Contact { last_seen, next_contact, offline_since } = self.contact;
        Device {
            id: self.id,
            app,
            account: self.account.as_ref().to_owned(),
            kind: self.kind.clone(),
            created_at: self.created_at,
            recorded: self.recorded,
            memberships: self.memberships(),
            last_seen,
            offline_since,
            next_contact,
            attempts: self.attempts.as_deref().copied(),
            installation_hash: self.installation_hash.as_deref().copied(),
        }
    }

    /// All its memberships, in order.
    pub(super) fn memberships(&self) -> Vec<Membership> {
        let own = self.registered.into_iter().flat_map(|joined| {
            let keys = [AudienceKey::all(), AudienceKey::device(self.id)];
            keys.map(|key| Membership { key, joined: joined.get(), left: None })
        });
        own.chain(self.memberships.iter().cloned()).collect()
    }

    pub(super) fn set_memberships(&mut self, memberships: Vec<Membership>) {
        (self.registered, self.memberships) = fold(self.id, memberships);
    }

    /// The keys that it shares with other devices, but for `all`; one that it left and joined again stands here more than once.
    pub(super) fn shared_keys(&self) -> impl Iterator<Item = &AudienceKey> {
        self.memberships.iter().map(|own| &own.key).filter(|key| is_shared(key))
    }
}

/// Whether other devices may be members of a key, but not all are.
pub(super) fn is_shared(key: &AudienceKey) -> bool {
    use longwire_model::KeyKind::{All, Device, Tag, Topic, User};
    match key.kind() {
        User | Topic | Tag => true,
        All | Device => false,
    }
}

/// Takes out the two that every device begins with.
fn fold(id: DeviceId, mut memberships: Vec<Membership>) -> (Option<NonZeroU64>, Box<[Membership]>) {
    let registered = match memberships.as_slice() {
        [all, own, ..]
            if all.joined == own.joined
                && all.left.is_none()
                && own.left.is_none()
                && all.key == AudienceKey::all()
                && own.key.as_device() == Some(id) =>
        {
            NonZeroU64::new(all.joined)
        }
        _ => None,
    };
    if registered.is_some() {
        memberships.drain(..2);
    }
    (registered, memberships.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(memberships: Vec<Membership>) -> Device {
        Device {
            id: DeviceId::from_bytes([1; 16]),
            app: AppId::DEFAULT,
            account: "a".into(),
            kind: DeviceKind::Push("agent".into()),
            created_at: Timestamp::from_millis(1),
            recorded: LaneSeqs::both(2),
            memberships,
            last_seen: Some(Timestamp::from_millis(3)),
            offline_since: Some(Timestamp::from_millis(4)),
            next_contact: Some(Timestamp::from_millis(5)),
            attempts: Some(Attempts { seq: 6, sessions: 7 }),
            installation_hash: Some([8; 32]),
        }
    }

    fn kept(device: &Device) -> Device {
        Record::new(device.clone(), device.account.as_str().into(), KeyHead::default()).device(AppId::DEFAULT)
    }

    #[test]
    fn a_record_gives_back_what_it_was_made_of() {
        let (all, own) = (AudienceKey::all(), AudienceKey::device(DeviceId::from_bytes([1; 16])));
        let other = AudienceKey::device(DeviceId::from_bytes([2; 16]));
        let user = AudienceKey::user("alice").expect("a name");
        let open = |key: &AudienceKey, joined| Membership { key: key.clone(), joined, left: None };
        let gone = |key: &AudienceKey, joined| Membership { left: Some(9), ..open(key, joined) };
        for memberships in [
            vec![],
            vec![open(&all, 2)],
            vec![open(&all, 2), open(&own, 2)],
            vec![open(&own, 2), open(&all, 2)],
            vec![open(&all, 2), open(&own, 3)],
            vec![open(&all, 2), open(&other, 2)],
            vec![gone(&all, 2), gone(&own, 2)],
            vec![open(&all, 2), gone(&own, 2)],
            vec![open(&all, 2), open(&own, 2), gone(&user, 3), open(&user, 10)],
        ] {
            let device = device(memberships);
            assert_eq!(kept(&device), device);
        }
    }

    #[test]
    fn one_is_small() {
        assert!(size_of::<Record>() <= 216, "{}", size_of::<Record>());
    }
}
