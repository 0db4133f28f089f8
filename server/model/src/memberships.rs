//! All memberships of one device, as memory holds them: what nearly every device begins with, `all` and its own key, is one position.

use std::num::NonZeroU64;

use crate::audience::DEVICE_PREFIX;
use crate::membership::{Standing, apply_change};
use crate::{AudienceKey, DeviceId, Membership, MembershipChange, Seq};

/// The memberships of one device, open and left.
#[derive(Clone, Debug)]
pub struct Memberships {
    device: DeviceId,
    /// Where it joined `all` and its own key, when its memberships begin with these two: so all but the oldest do.
    registered: Option<NonZeroU64>,
    others: Box<[Membership]>,
}

/// How a device stands to an entry that is addressed to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Addressed<'a> {
    /// Whether it may have the content.
    pub standing: Standing,
    /// The user when every open key that brings it the entry is a user's.
    pub only_user: Option<&'a str>,
}

impl Memberships {
    /// Of what a store gives of this device, in its order.
    #[must_use]
    pub fn new(device: DeviceId, mut memberships: Vec<Membership>) -> Self {
        let registered = registered(device, &memberships);
        if registered.is_some() {
            memberships.drain(..2);
        }
        Self { device, registered, others: memberships.into() }
    }

    /// Whose they are.
    #[must_use]
    pub const fn device(&self) -> DeviceId {
        self.device
    }

    /// All of them, in order.
    #[must_use]
    pub fn to_vec(&self) -> Vec<Membership> {
        let first = self.registered.into_iter().flat_map(|joined| {
            let keys = [AudienceKey::all(), AudienceKey::device(self.device)];
            keys.map(|key| Membership { key, joined: joined.get(), left: None })
        });
        first.chain(self.others.iter().cloned()).collect()
    }

    /// In order those of users, topics and tags; one that was left and joined again stands here more than once.
    pub fn shared(&self) -> impl Iterator<Item = &Membership> {
        self.others.iter().filter(|own| own.key.is_shared())
    }

    /// Whether the device carries this tag at `seq`.
    #[must_use]
    pub fn carries(&self, tag: &AudienceKey, seq: Seq) -> bool {
        self.others.iter().any(|own| own.key == *tag && own.is_open_at(seq))
    }

    /// Applies one entry's change at `seq`.
    pub fn apply(&mut self, change: &MembershipChange, seq: Seq) {
        let mut memberships = self.to_vec();
        apply_change(&mut memberships, change, seq);
        *self = Self::new(self.device, memberships);
    }

    /// How the device stands to what is addressed to `audience` at `seq`, judged at `watermark`; none when no interval holds `seq`.
    #[must_use]
    pub fn standing(&self, audience: &[AudienceKey], seq: Seq, watermark: Seq) -> Option<Addressed<'_>> {
        let first = self.first(audience, seq);
        if first.is_some_and(|joined| joined <= watermark) {
            return Some(Addressed { standing: Standing::Open, only_user: None });
        }
        let mut standing = first.map(|_| Standing::Left);
        let mut only_user = None;
        for own in self.others.iter().filter(|own| own.holds(seq) && audience.contains(&own.key)) {
            if own.is_open_at(watermark) {
                only_user = own.key.as_user();
                standing = Some(Standing::Open);
                if only_user.is_none() {
                    break;
                }
            } else {
                standing = standing.or(Some(Standing::Left));
            }
        }
        standing.map(|standing| Addressed { standing, only_user })
    }

    /// Where the first two were joined, when they hold `seq` and one of them is in the audience.
    fn first(&self, audience: &[AudienceKey], seq: Seq) -> Option<Seq> {
        self.registered.map(NonZeroU64::get).filter(|joined| *joined < seq && names(audience, self.device))
    }
}

/// Whether the audience has `all` or the device's own key in it.
fn names(audience: &[AudienceKey], device: DeviceId) -> bool {
    if audience.iter().any(AudienceKey::is_all) {
        return true;
    }
    let mut devices = audience.iter().filter_map(|key| key.as_str().strip_prefix(DEVICE_PREFIX)).peekable();
    // Its text is made once, and only for an audience of devices.
    devices.peek().is_some() && {
        let mut buffer = DeviceId::encode_buffer();
        let own = device.encode(&mut buffer);
        devices.any(|named| named == own)
    }
}

/// Where the two that nearly every device begins with were joined.
fn registered(device: DeviceId, memberships: &[Membership]) -> Option<NonZeroU64> {
    let [all, own, ..] = memberships else { return None };
    let is_open = all.joined == own.joined && all.left.is_none() && own.left.is_none();
    let is_first = is_open && all.key.is_all() && own.key.as_device() == Some(device);
    NonZeroU64::new(all.joined).filter(|_| is_first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::KeyKind;
    use crate::membership::standing;

    const DEVICE: DeviceId = DeviceId::from_bytes([1; 16]);

    fn key(text: &str) -> AudienceKey {
        text.parse().expect("a key")
    }

    fn held(key: &AudienceKey, joined: Seq, left: Option<Seq>) -> Membership {
        Membership { key: key.clone(), joined, left }
    }

    /// What stores give, and what they could give.
    fn samples() -> Vec<Vec<Membership>> {
        let [all, own] = [AudienceKey::all(), AudienceKey::device(DEVICE)];
        let other = AudienceKey::device(DeviceId::from_bytes([2; 16]));
        let [alice, bob, tag] = ["user:alice", "user:bob", "tag:beta"].map(key);
        vec![
            vec![],
            vec![held(&all, 2, None)],
            vec![held(&all, 2, None), held(&own, 2, None)],
            vec![held(&own, 2, None), held(&all, 2, None)],
            vec![held(&all, 2, None), held(&own, 3, None)],
            vec![held(&all, 2, None), held(&other, 2, None)],
            vec![held(&all, 0, None), held(&own, 0, None)],
            vec![held(&all, 2, Some(5)), held(&own, 2, Some(5))],
            vec![held(&all, 2, None), held(&own, 2, Some(5))],
            vec![held(&all, 2, None), held(&own, 2, None), held(&alice, 2, Some(4)), held(&bob, 4, None)],
            vec![held(&all, 2, None), held(&own, 2, None), held(&tag, 3, Some(4)), held(&alice, 3, None)],
            vec![held(&all, 2, None), held(&own, 2, None), held(&alice, 3, Some(4)), held(&alice, 5, None)],
        ]
    }

    fn audiences() -> Vec<Vec<AudienceKey>> {
        let [all, own] = [AudienceKey::all(), AudienceKey::device(DEVICE)];
        let other = AudienceKey::device(DeviceId::from_bytes([2; 16]));
        let [alice, bob, tag] = ["user:alice", "user:bob", "tag:beta"].map(key);
        vec![
            vec![],
            vec![all.clone()],
            vec![own.clone()],
            vec![other.clone()],
            vec![other, own.clone()],
            vec![alice.clone()],
            vec![alice.clone(), bob.clone()],
            vec![tag.clone(), bob],
            vec![tag, all],
            vec![alice, own],
        ]
    }

    #[test]
    fn they_are_given_back_as_they_were() {
        for memberships in samples() {
            assert_eq!(Memberships::new(DEVICE, memberships.clone()).to_vec(), memberships);
        }
    }

    #[test]
    fn the_first_two_are_a_position() {
        let [all, own] = [AudienceKey::all(), AudienceKey::device(DEVICE)].map(|key| held(&key, 2, None));
        let kept = Memberships::new(DEVICE, vec![all, own]);
        assert_eq!((kept.registered, kept.others.len()), (NonZeroU64::new(2), 0));
        assert!(size_of::<Memberships>() <= 40, "{}", size_of::<Memberships>());
    }

    #[test]
    fn a_device_stands_to_an_entry_as_all_its_memberships_say() {
        let mut seen = [false; 4];
        for memberships in samples() {
            let kept = Memberships::new(DEVICE, memberships.clone());
            for (audience, seq, watermark) in cases() {
                let brings =
                    |own: &&Membership| own.holds(seq) && own.is_open_at(watermark) && audience.contains(&own.key);
                let keys: Vec<_> = memberships.iter().filter(brings).map(|own| &own.key).collect();
                let is_alone = keys.iter().all(|key| key.kind() == KeyKind::User);
                let only_user = keys.last().filter(|_| is_alone).map(|key| key.name());
                let expected =
                    standing(&memberships, &audience, seq, watermark).map(|standing| Addressed { standing, only_user });
                assert_eq!(kept.standing(&audience, seq, watermark), expected, "{memberships:?} {audience:?} {seq}");
                let which = match expected {
                    None => 0,
                    Some(Addressed { standing: Standing::Left, .. }) => 1,
                    Some(Addressed { standing: Standing::Open, only_user: None }) => 2,
                    Some(Addressed { standing: Standing::Open, only_user: Some(_) }) => 3,
                };
                seen[which] = true;
            }
        }
        assert_eq!(seen, [true; 4]);
    }

    /// Audiences, positions and watermarks, also behind the position.
    fn cases() -> Vec<(Vec<AudienceKey>, Seq, Seq)> {
        let of = |audience: Vec<AudienceKey>| {
            (0..7)
                .flat_map(move |seq| (0..7).map(move |mark| (seq, mark)))
                .map(move |(seq, watermark)| (audience.clone(), seq, watermark))
        };
        audiences().into_iter().flat_map(of).collect()
    }

    #[test]
    fn a_change_is_applied_to_all_of_them() {
        let [all, own, alice, bob] =
            [AudienceKey::all(), AudienceKey::device(DEVICE), key("user:alice"), key("user:bob")];
        let moved = MembershipChange { device: DEVICE, joined: vec![bob], left: vec![alice] };
        let removed = MembershipChange { device: DEVICE, joined: vec![], left: vec![all, own] };
        for memberships in samples() {
            for change in [&moved, &removed] {
                let (mut kept, mut expected) = (Memberships::new(DEVICE, memberships.clone()), memberships.clone());
                kept.apply(change, 6);
                apply_change(&mut expected, change, 6);
                assert_eq!(kept.to_vec(), expected);
            }
        }
    }
}
