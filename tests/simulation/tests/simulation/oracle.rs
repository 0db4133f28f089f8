//! What the rules say of one notification on one device: a second reading of DESIGN §1, on the log's nouns alone. It knows no session,
//! so where an end met an entry that may have been on its way, it accepts both, and says why.

use longwire_model::entry::Content;
use longwire_model::{AudienceKey, DeviceId, Entry, EntryKind, Filter, Lane, Seq, Timestamp};

use crate::book::Book;
use crate::tally::Reason;
use crate::world::{Health, World};

/// What was committed this long ago, everybody on the server knows.
const ANNOUNCED_MS: u64 = 1_000;
/// A phone that is well for so long has been sent, and has shown, what was accepted before.
const SETTLED_MS: u64 = 120_000;

/// What a screen must have had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Once,
    Never(Reason),
    Either(Reason),
}

/// When an entry was decided for a device: not before `from_ms`, and not after `to_ms`.
struct Window {
    from_ms: u64,
    to_ms: u64,
    /// The positions that the server may have been at.
    positions: (Seq, Seq),
    /// What is passed over is only final when the cursor is told: at a heartbeat.
    last: Seq,
}

/// How an end lies to the window.
#[derive(Clone, Copy, PartialEq, Eq)]
enum When {
    Before,
    Within,
    After,
}

impl Window {
    fn new(book: &Book, health: &Health, (seq, at_ms): (Seq, u64), settled_ms: u64, heartbeat_ms: u64) -> Self {
        let from_ms = health.reachable(at_ms);
        let to_ms = health.well_for(at_ms, settled_ms).unwrap_or(u64::MAX);
        let first = book.position(from_ms.saturating_sub(ANNOUNCED_MS)).max(seq);
        let final_ms = health.well_for(at_ms, settled_ms + heartbeat_ms).unwrap_or(u64::MAX);
        let last = book.position(final_ms).max(first);
        Self { from_ms, to_ms, positions: (first, book.position(to_ms).max(first)), last }
    }

    const fn when(&self, at_ms: u64) -> When {
        if at_ms.saturating_add(ANNOUNCED_MS) < self.from_ms {
            When::Before
        } else if at_ms > self.to_ms {
            When::After
        } else {
            When::Within
        }
    }
}

/// Everything that bears on verdicts about one phone as one device.
pub(crate) struct Oracle<'a> {
    pub(crate) world: &'a World,
    pub(crate) phone: usize,
    pub(crate) device: DeviceId,
}

impl Oracle<'_> {
    /// What the present timeline says, and those that have ended: where they differ, the device followed one and then the other.
    pub(crate) fn verdict(&self, entry: &Entry, content: &Content) -> Verdict {
        let present = self.in_timeline(&self.world.book, entry, content, 0);
        if self.world.ended.is_empty() {
            return present;
        }
        let ended = self.world.ended.iter().filter(|book| book.find(entry.id).is_some());
        let timelines: Vec<&Book> = ended.chain([&self.world.book]).collect();
        let mut first = timelines.iter().map(|book| self.in_timeline(book, entry, content, 0));
        if first.all(|verdict| verdict == Verdict::Once) {
            return Verdict::Once;
        }
        // A copy may not know the cursor's generation: then everything is considered again.
        // Which tags it had then is a matter of which timeline it was in.
        let is_never = |verdict| matches!(verdict, Verdict::Never(reason) if reason != Reason::Filter);
        let mut all = timelines.iter().flat_map(|book| [(book, 0), (book, book.since_ms)]);
        if all.all(|(book, after_ms)| is_never(self.in_timeline(book, entry, content, after_ms))) {
            present
        } else {
            Verdict::Either(Reason::Restored)
        }
    }

    fn in_timeline(&self, book: &Book, entry: &Entry, content: &Content, after_ms: u64) -> Verdict {
        let audience = &content.routing.audience;
        if !book.is_for(self.device, audience, entry.seq) {
            return Verdict::Never(Reason::NotAddressed);
        }
        let own = &self.world.phones[self.phone];
        let heartbeat_ms = own.heartbeat_ms + 60_000;
        let settled_ms = SETTLED_MS + if content.routing.lane == Lane::Background { heartbeat_ms } else { 0 };
        let at_ms = book.at_ms(entry.seq).max(after_ms);
        let health = &self.world.healths[self.phone];
        let window = Window::new(book, health, (entry.seq, at_ms), settled_ms, heartbeat_ms);
        let ends = [
            self.left(book, audience, entry.seq, &window),
            self.filtered(book, content.filter.as_ref(), &window),
            self.expired(content.routing.expires_at, &window),
            book.recall(entry.id).and_then(|seq| verdict(window.when(book.at_ms(seq)), Reason::Recalled)),
            self.superseded(book, entry, content, &window),
            self.dismissed(book, entry, &window),
            self.unusable(book, entry, content),
        ];
        let ends = ends.into_iter().flatten();
        // Whatever ended it for sure, did.
        ends.reduce(strictest).unwrap_or(Verdict::Once)
    }

    fn left(&self, book: &Book, audience: &[AudienceKey], seq: Seq, window: &Window) -> Option<Verdict> {
        let left = book.left(self.device, audience, seq)?;
        verdict(window.when(book.at_ms(left)), Reason::Left)
    }

    fn filtered(&self, book: &Book, filter: Option<&Filter>, window: &Window) -> Option<Verdict> {
        let filter = filter?;
        let (first, _) = window.positions;
        let ever = || self.passes(book, filter, (first, window.last)).1;
        match self.passes(book, filter, window.positions) {
            (true, _) => None,
            (_, false) if !ever() => Some(Verdict::Never(Reason::Filter)),
            (false, _) => Some(Verdict::Either(Reason::Filter)),
        }
    }

    /// Whether the device passes a filter at all positions of a range, and at any.
    pub(crate) fn passes(&self, book: &Book, filter: &Filter, (first, last): (Seq, Seq)) -> (bool, bool) {
        let changes = book.changes(self.device).iter().copied().filter(|at| *at > first && *at <= last);
        changes.chain([first]).fold((true, false), |(always, ever), at| {
            let passes = book.passes(self.device, filter, at);
            (always && passes, ever || passes)
        })
    }

    fn expired(&self, expires_at: Timestamp, window: &Window) -> Option<Verdict> {
        let (earliest, _) = self.world.walls(window.from_ms.min(self.world.now_ms + 1));
        let (_, latest) = self.world.walls(window.to_ms.min(self.world.now_ms));
        if expires_at <= earliest {
            return Some(Verdict::Never(Reason::Expired));
        }
        (expires_at <= latest).then_some(Verdict::Either(Reason::Expired))
    }

    /// By a newer one that is for this device too, and whose filter it passes.
    fn superseded(&self, book: &Book, entry: &Entry, content: &Content, window: &Window) -> Option<Verdict> {
        let newer = book.successors(entry, content).filter_map(|newer| {
            let EntryKind::Notification(new) = &newer.entry.kind else { return None };
            if !book.is_for(self.device, &new.routing.audience, newer.entry.seq) {
                return None;
            }
            let (first, last) = window.positions;
            let first = first.max(newer.entry.seq);
            let passes = |last: Seq| {
                let filter = new.filter.as_ref();
                filter.map_or((true, true), |filter| self.passes(book, filter, (first, last.max(first))))
            };
            let (always, ever) = (passes(window.last).0, passes(last).1);
            match (window.when(newer.at_ms), always, ever) {
                (When::After, _, _) | (_, _, false) => None,
                (When::Before, true, true) => Some(Verdict::Never(Reason::Superseded)),
                (When::Before | When::Within, _, true) => Some(Verdict::Either(Reason::Superseded)),
            }
        });
        newer.reduce(strictest)
    }

    /// A dismissal follows what it is about, and finds it on the screen, or about to be.
    fn dismissed(&self, book: &Book, entry: &Entry, window: &Window) -> Option<Verdict> {
        let own = book
            .dismissals(entry.id)
            .iter()
            .filter(|(_, key)| book.is_for(self.device, std::slice::from_ref(key), entry.seq));
        let mut times = own.map(|(seq, _)| window.when(book.at_ms(*seq)));
        times.any(|when| when != When::After).then_some(Verdict::Either(Reason::Dismissed))
    }

    fn unusable(&self, book: &Book, entry: &Entry, content: &Content) -> Option<Verdict> {
        let deaths = self.world.phones[self.phone].deaths.get(&entry.id.to_string()).copied().unwrap_or(0);
        match is_usable(content) {
            // An update may replace what cannot be used before anybody tries.
            false if book.update(entry.id).is_some() => Some(Verdict::Either(Reason::Unusable)),
            false => Some(Verdict::Never(Reason::Unusable)),
            true => (deaths >= 3).then_some(Verdict::Either(Reason::Deaths)),
        }
    }
}

const fn strictest(first: Verdict, next: Verdict) -> Verdict {
    if matches!(next, Verdict::Never(_)) { next } else { first }
}

/// Whether a phone can parse it.
pub(crate) fn is_usable(content: &Content) -> bool {
    !content.payload.contains(":7")
}

fn verdict(when: When, reason: Reason) -> Option<Verdict> {
    match when {
        When::Before => Some(Verdict::Never(reason)),
        When::Within => Some(Verdict::Either(reason)),
        When::After => None,
    }
}
