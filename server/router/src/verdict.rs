//! Whether one device is sent one entry, judged at the node's watermark: the heart of rules 3 and 4.

use std::collections::HashSet;
use std::sync::Arc;

use longwire_model::delivery::Ending;
use longwire_model::membership::Standing;
use longwire_model::{AudienceKey, Entry, EntryKind, Filter, KeyKind, Memberships, Seq, Timestamp};

use crate::recent::Later;

/// What to do with an entry for one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is not for this device.
    NotAddressed,
    /// Send it.
    Send {
        /// The user through whose key alone the device gets it.
        user: Option<Arc<str>>,
    },
    /// It was for this device, and ended.
    Pass(Ending),
}

/// Decides for a device with `memberships`, up to date at `watermark`.
#[must_use]
pub fn verdict(memberships: &Memberships, entry: &Entry, later: &Later, watermark: Seq, now: Timestamp) -> Verdict {
    let Some(routing) = entry.kind.routing() else {
        return Verdict::NotAddressed;
    };
    let Some(addressed) = memberships.standing(&routing.audience, entry.audience_seq(), watermark) else {
        return Verdict::NotAddressed;
    };
    if matches!(entry.kind, EntryKind::Recall(..)) {
        // No content: also for those who left, so that what they show goes (DESIGN rule 3).
        return Verdict::Send { user: None };
    }
    if addressed.standing == Standing::Left {
        return Verdict::Pass(Ending::Left);
    }
    // Whoever shows a notification is given its new content, also when it would not pass the filter by now; whom the filter kept out
    // of the notification has nothing to update.
    let is_update = matches!(entry.kind, EntryKind::Update(..));
    let is_kept_out = if is_update {
        was_never_passed(entry, memberships, watermark)
    } else {
        is_filtered(entry, memberships, watermark)
    };
    if is_kept_out {
        return Verdict::Pass(Ending::Filtered);
    }
    if routing.expires_at <= now {
        return Verdict::Pass(Ending::Expired);
    }
    if later.recalled {
        return Verdict::Pass(Ending::Recalled);
    }
    // Each update holds the whole content: of several the newest is sent.
    if is_update && later.update.is_some() {
        return Verdict::Pass(Ending::Superseded);
    }
    if is_superseded(memberships, &routing.audience, later, watermark) {
        return Verdict::Pass(Ending::Superseded);
    }
    Verdict::Send { user: addressed.only_user.map(Into::into) }
}

/// Whether an entry has a filter that the device does not pass.
pub(crate) fn is_filtered(entry: &Entry, memberships: &Memberships, watermark: Seq) -> bool {
    let filter = entry.kind.content().and_then(|content| content.filter.as_ref());
    filter.is_some_and(|filter| !passes(filter, memberships, watermark))
}

fn passes(filter: &Filter, memberships: &Memberships, watermark: Seq) -> bool {
    filter.passes(|tag| memberships.carries(tag, watermark))
}

/// Whether the device has passed the filter at no position from that of an update's target up to the watermark: whenever the target was
/// considered for it, the filter kept it out. The server keeps no list of what a session was sent; the intervals of tags are what it knows.
fn was_never_passed(entry: &Entry, memberships: &Memberships, watermark: Seq) -> bool {
    let Some(filter) = entry.kind.content().and_then(|content| content.filter.as_ref()) else { return false };
    let first = entry.audience_seq();
    if passes(filter, memberships, watermark) || passes(filter, memberships, first) {
        return false;
    }
    let tags = || memberships.shared().filter(|own| own.key.kind() == KeyKind::Tag);
    let mut carried: HashSet<&AudienceKey> = tags().filter(|own| own.is_open_at(first)).map(|own| &own.key).collect();
    let left = tags().filter_map(|own| Some((own.left?, false, &own.key)));
    let joined = tags().map(|own| (own.joined, true, &own.key));
    let mut changes: Vec<_> = left.chain(joined).filter(|(seq, ..)| *seq > first && *seq <= watermark).collect();
    // At one position a tag is left before it is joined again.
    changes.sort_unstable();
    !changes.chunk_by(|(one, ..), (other, ..)| one == other).any(|together| {
        for &(_, is_join, tag) in together {
            let _ = if is_join { carried.insert(tag) } else { carried.remove(tag) };
        }
        filter.passes(|tag| carried.contains(tag))
    })
}

/// A successor counts only when this device is in its audience and passes its filter (DESIGN rule 4).
fn is_superseded(memberships: &Memberships, audience: &[AudienceKey], later: &Later, watermark: Seq) -> bool {
    later.successors.iter().any(|(seq, filter)| {
        memberships.standing(audience, *seq, watermark).is_some()
            && filter.as_ref().is_none_or(|filter| passes(filter, memberships, watermark))
    })
}
