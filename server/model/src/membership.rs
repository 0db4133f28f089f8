//! Memberships as intervals of the log (DESIGN rule 3), and the newest position per key (rule 11).

use crate::{AudienceKey, Lane, LaneSeqs, MembershipChange, Seq};

/// A device held `key` from `joined` (exclusive) to `left` (inclusive).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    /// The key.
    pub key: AudienceKey,
    /// The position of the joining entry.
    pub joined: Seq,
    /// The position of the leaving entry; none while open.
    pub left: Option<Seq>,
}

/// How a device stands to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its interval holds the entry, and is still open at the watermark.
    Open,
    /// Its interval holds the entry, but it has left since.
    Left,
}

impl Membership {
    /// Whether `(joined, left]` holds `seq`.
    #[must_use]
    pub fn holds(&self, seq: Seq) -> bool {
        self.joined < seq && self.left.is_none_or(|left| seq <= left)
    }

    /// Whether it is open at `watermark`.
    #[must_use]
    pub fn is_open_at(&self, watermark: Seq) -> bool {
        self.joined <= watermark && self.left.is_none_or(|left| left > watermark)
    }
}

/// How a device with `memberships` stands to what was addressed to `audience` at position `seq`, judged at `watermark`;
/// none when no interval holds `seq`.
#[must_use]
pub fn standing(memberships: &[Membership], audience: &[AudienceKey], seq: Seq, watermark: Seq) -> Option<Standing> {
    let mut best = None;
    for membership in memberships {
        if membership.holds(seq) && audience.contains(&membership.key) {
            if membership.is_open_at(watermark) {
                return Some(Standing::Open);
            }
            best = Some(Standing::Left);
        }
    }
    best
}

/// Applies one entry's change at `seq`.
pub fn apply_change(memberships: &mut Vec<Membership>, change: &MembershipChange, seq: Seq) {
    for own in memberships.iter_mut() {
        if own.left.is_none() && change.left.contains(&own.key) {
            own.left = Some(seq);
        }
    }
    let joined = change.joined.iter().map(|key| Membership { key: key.clone(), joined: seq, left: None });
    memberships.extend(joined);
}

/// The newest positions of entries addressed to one key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyHead {
    /// The newest entry per lane that is sent to members (everything with a routing).
    pub newest: LaneSeqs,
    /// The newest recall or dismissal per lane: it also concerns devices that left.
    pub newest_recall: LaneSeqs,
}

impl KeyHead {
    /// Notes an entry at `seq` in `lane`; `has_no_content` tells that it is a recall or dismissal.
    pub fn raise(&mut self, lane: Lane, seq: Seq, has_no_content: bool) {
        self.newest.raise(lane, seq);
        if has_no_content {
            self.newest_recall.raise(lane, seq);
        }
    }

    /// Whether a device with this `membership` and this `cursor` may have something waiting in `lane`.
    #[must_use]
    pub fn may_wait(&self, membership: &Membership, lane: Lane, cursor: Seq) -> bool {
        if membership.left.is_some() {
            return self.newest_recall.get(lane) > cursor.max(membership.joined);
        }
        self.newest.get(lane) > cursor.max(membership.joined)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alice(joined: Seq, left: Option<Seq>) -> Membership {
        Membership { key: AudienceKey::user("alice").expect("a name"), joined, left }
    }

    #[test]
    fn an_interval_excludes_its_join_and_includes_its_leave() {
        let interval = alice(4, Some(6));
        assert!(!interval.holds(4) && interval.holds(5) && interval.holds(6) && !interval.holds(7));
    }

    #[test]
    fn who_is_judged_at_the_entry_and_whether_open_at_the_watermark() {
        let key = [AudienceKey::user("alice").expect("a name")];
        assert_eq!(standing(&[alice(4, Some(9))], &key, 5, 8), Some(Standing::Open));
        assert_eq!(standing(&[alice(4, Some(9))], &key, 5, 9), Some(Standing::Left));
        assert_eq!(standing(&[alice(4, Some(9)), alice(12, None)], &key, 5, 20), Some(Standing::Left));
        assert_eq!(standing(&[alice(4, None)], &key, 4, 9), None);
    }
}
