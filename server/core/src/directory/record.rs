//! Device records as memory holds them: a fraction of what a store gives, since one of each device is kept.

use std::sync::Arc;

use longwire_model::account::FastTokens;
use longwire_model::device::{Attempts, DeviceKind};
use longwire_model::{AppId, Device, DeviceId, KeyHead, LaneSeqs, Memberships, Timestamp};

/// A device's record.
#[derive(Debug)]
pub(super) struct Record {
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
    pub(super) memberships: Memberships,
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
        Self {
            account,
            kind: device.kind,
            recorded: device.recorded,
            contact: Contact { last_seen, next_contact, offline_since },
            attempts: device.attempts.map(Box::new),
            tokens: None,
            head,
            created_at: device.created_at,
            installation_hash: device.installation_hash.map(Box::new),
            memberships: Memberships::new(device.id, device.memberships),
        }
    }

    /// As a store gives it.
    pub(super) fn device(&self, app: AppId) -> Device {
        let Contact { last_seen, next_contact, offline_since } = self.contact;
        Device {
            id: self.id(),
            app,
            account: self.account.as_ref().to_owned(),
            kind: self.kind.clone(),
            created_at: self.created_at,
            recorded: self.recorded,
            memberships: self.memberships.to_vec(),
            last_seen,
            offline_since,
            next_contact,
            attempts: self.attempts.as_deref().copied(),
            installation_hash: self.installation_hash.as_deref().copied(),
        }
    }

    pub(super) const fn id(&self) -> DeviceId {
        self.memberships.device()
    }
}

#[cfg(test)]
mod tests {
    use longwire_model::{AudienceKey, Membership};

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
