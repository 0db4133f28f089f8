//! The live path: a committed batch is considered for every session it concerns (DESIGN rules 3 and 7).

use std::sync::Arc;

use longwire_model::delivery::Hold;
use longwire_model::{Entry, EntryKind, KeyKind, Lane, MembershipChange, Seq};

use crate::FLUSH_MARGIN_MS;
use crate::bind::SessionKind;
use crate::output::{CloseReason, Output};
use crate::recent::Later;
use crate::session::Session;
use crate::shard::{Batch, Now, SessionKey, Shard};
use crate::verdict::{Verdict, verdict};

/// The batch starts above this shard's watermark: what lies between must be read from the store first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the batch starts above position {0}; what lies between must come first")]
pub struct Gap(pub Seq);

impl Shard {
    /// Takes the next batch. Membership changes are applied before entries are considered, and "still open" is judged at the new
    /// watermark (DESIGN rule 3).
    ///
    /// # Errors
    /// [`Gap`] when the batch does not continue what this shard has seen; nothing was done.
    pub fn apply(&mut self, batch: &Batch, now: Now, out: &mut Vec<Output>) -> Result<(), Gap> {
        if batch.from > self.watermark {
            return Err(Gap(self.watermark));
        }
        if batch.generation != self.generation {
            self.restart(out);
            self.generation = batch.generation;
        }
        let fresh: Vec<&Arc<Entry>> = batch.entries.iter().filter(|entry| entry.seq > self.watermark).collect();
        for entry in &fresh {
            self.recent.push(Arc::clone(entry));
            self.watermark = entry.seq;
        }
        for entry in &fresh {
            if let EntryKind::Membership(change) = &entry.kind {
                self.change(change, entry.seq, out);
            }
        }
        let mut touched = Vec::new();
        for entry in &fresh {
            self.consider_live(entry, now, out, &mut touched);
        }
        touched.sort_unstable();
        touched.dedup();
        for key in touched {
            self.wake(key, now, out);
            self.probe(key, out);
        }
        self.bind_parked(now, out);
        Ok(())
    }

    /// A notification that is not in the log (`ttl: 0`), accepted when the log ended at `as_of`: only sessions that have considered
    /// everything up to there take it (DESIGN rule 12).
    pub fn deliver_now(&mut self, entry: &Arc<Entry>, as_of: Seq, now: Now, out: &mut Vec<Output>) {
        if self.watermark < as_of {
            return;
        }
        let lane = entry.kind.routing().map_or(Lane::Normal, |routing| routing.lane);
        let judged = Entry { seq: self.watermark.saturating_add(1), ..Entry::clone(entry) };
        for key in self.candidates(entry) {
            let Some(session) = self.sessions.get(&key) else { continue };
            let is_live =
                !session.is_quiet(now) && session.lane(lane).position().is_none_or(|position| position >= as_of);
            if let (true, Verdict::Send { user }) =
                (is_live, verdict(&session.memberships, &judged, &Later::default(), self.watermark, now.wall))
            {
                out.push(Output::Send { session: key, entry: Arc::clone(entry), user, update: None });
            }
        }
    }

    /// Closes everything: the timeline has a new life, and every device must hear of it.
    fn restart(&mut self, out: &mut Vec<Output>) {
        let keys: Vec<SessionKey> = self.sessions.keys().copied().collect();
        let parked: Vec<SessionKey> = self.parked.iter().map(|bind| bind.session).collect();
        for key in keys.into_iter().chain(parked) {
            self.unbind(key);
            out.push(Output::Close(key, CloseReason::Restart));
        }
    }

    fn change(&mut self, change: &MembershipChange, seq: Seq, out: &mut Vec<Output>) {
        let Some(&key) = self.by_device.get(&change.device) else { return };
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let before = session.user();
        session.memberships.apply(change, seq);
        let after = session.user();
        if before != after && session.kind == SessionKind::Push {
            out.push(Output::User { session: key, user: after });
        }
        for joined in &change.joined {
            self.index(key, joined);
        }
        if change.left.iter().any(|left| left.kind() == KeyKind::Device) {
            out.push(Output::Close(key, CloseReason::Removed));
        }
    }

    fn consider_live(&mut self, entry: &Arc<Entry>, now: Now, out: &mut Vec<Output>, touched: &mut Vec<SessionKey>) {
        let Some(lane) = entry.kind.routing().map(|routing| routing.lane) else { return };
        let candidates = self.candidates(entry);
        if candidates.is_empty() {
            return;
        }
        let later = self.recent.later(entry, entry.seq);
        let watermark = self.watermark;
        for key in candidates {
            let Some(session) = self.sessions.get_mut(&key) else { continue };
            if lane == Lane::Background && hold(session, entry, &later, watermark, now) {
                out.push(Output::Deadline(key));
                continue;
            }
            if session.lane(lane).behind.is_none() {
                if !session.consider(key, entry, &later, watermark, now, out) {
                    session.fall_behind(lane, entry.seq.saturating_sub(1), Hold::Window);
                }
                touched.push(key);
            }
        }
    }

    /// Sessions that an entry may concern, open or left holders of its keys, each once however many of them it holds; in the order in which they
    /// were made and mostly lie in memory.
    fn candidates(&self, entry: &Entry) -> Vec<SessionKey> {
        let mut keys = Vec::new();
        for audience in entry.kind.routing().iter().flat_map(|routing| routing.audience.iter()) {
            match audience.kind() {
                KeyKind::All => keys.extend(self.sessions.keys().copied()),
                KeyKind::Device => {
                    keys.extend(audience.as_device().and_then(|device| self.by_device.get(&device)).copied());
                }
                KeyKind::User | KeyKind::Topic | KeyKind::Tag => {
                    keys.extend(self.by_key.get(audience).into_iter().flatten().copied());
                }
            }
        }
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    /// What goes out in the normal lane wakes the radio: the background lane goes with it.
    fn wake(&mut self, key: SessionKey, now: Now, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let woken = std::mem::take(&mut session.woken);
        if woken && !session.flushing && session.lane(Lane::Background).behind.is_some() {
            self.flush(key, now, out);
        }
    }
}

/// Holds a background entry back until the next heartbeat or wake-up, but not until it expires (DESIGN rule 5).
fn hold(session: &mut Session, entry: &Entry, later: &Later, watermark: Seq, now: Now) -> bool {
    if session.flushing && session.lane(Lane::Background).behind.is_some() {
        return true;
    }
    if !matches!(verdict(&session.memberships, entry, later, watermark, now.wall), Verdict::Send { .. }) {
        return session.lane(Lane::Background).behind.is_some();
    }
    let flush_by = entry.kind.routing().map(|routing| routing.expires_at.plus_millis(-FLUSH_MARGIN_MS));
    let seldom = session.seldom_mut();
    seldom.flush_by = [seldom.flush_by, flush_by].into_iter().flatten().min();
    let position = session.lane(Lane::Background).position().unwrap_or(entry.seq.saturating_sub(1));
    session.fall_behind(Lane::Background, position, Hold::Background);
    session.flushing = false;
    true
}
