//! Being behind: from memory while the gap is short, else from pages of the log. One path for login, a full window and a restart.

use std::sync::Arc;

use longwire_model::delivery::{Ending, Hold};
use longwire_model::{Entry, EntryKind, Lane, Seq};
use longwire_store::{LogPage, LogQuery};

use crate::bind::SessionKind;
use crate::output::{CloseReason, Output};
use crate::recent::{Later, cost};
use crate::session::{Behind, Sent, Session};
use crate::shard::{Now, SessionKey, Shard};
use crate::verdict::{Verdict, is_filtered, verdict};
use crate::{ATTEMPTS_MAX, PAGE_ROWS};

impl Shard {
    /// Carries a lane of a session towards the watermark as far as memory and its window allow, and asks for a page where they do not.
    pub(crate) fn catch_up(&mut self, key: SessionKey, lane: Lane, now: Now, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let state = session.lane(lane);
        let Some(Behind { position, reading, .. }) = state.behind else { return };
        if session.is_quiet(now) || reading || (lane == Lane::Background && !session.flushing) {
            return;
        }
        if position < self.recent.floor() {
            if !session.has_room() {
                session.note_full(now);
                session.fall_behind(lane, position, Hold::Window);
                return;
            }
            session.lane_mut(lane).set_reading(true);
            let query = LogQuery {
                app: self.app,
                memberships: session.memberships.to_vec().into(),
                lane,
                after: position,
                upto: self.watermark,
                limit: PAGE_ROWS,
            };
            out.push(Output::Read { session: key, query });
            return;
        }
        for entry in self.recent.above(position) {
            if entry.kind.routing().is_some_and(|routing| routing.lane == lane) {
                let later = self.recent.later(entry, entry.seq);
                if !session.consider(key, entry, &later, self.watermark, now, out) {
                    session.fall_behind(lane, entry.seq.saturating_sub(1), Hold::Window);
                    return;
                }
            }
        }
        session.lane_mut(lane).behind = None;
        if lane == Lane::Background {
            session.flushing = false;
            session.clear_seldom(|seldom| seldom.flush_by = None);
        }
        self.tell_owed(key, lane, now, out);
    }

    /// A page that [`Output::Read`] asked for, read up to `upto`.
    pub fn page(&mut self, key: SessionKey, lane: Lane, page: &LogPage, upto: Seq, now: Now, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        session.lane_mut(lane).set_reading(false);
        if session.is_quiet(now) {
            return;
        }
        // What ended its entries since it was read must still be in memory; else it is read again.
        if upto >= self.recent.floor() {
            let mut position = page.complete_to;
            let mut hold = session.lane(lane).hold().unwrap_or(Hold::CatchUp);
            for row in &page.rows {
                let mut later = self.recent.later(&row.entry, upto);
                later.recalled |= row.recalled.is_some();
                later.update = later.update.or_else(|| row.update.clone());
                later.successors.extend(row.successors.iter().map(|newer| (newer.seq, newer.filter.clone())));
                if !session.consider(key, &row.entry, &later, self.watermark, now, out) {
                    position = row.entry.seq.saturating_sub(1);
                    hold = Hold::Window;
                    break;
                }
            }
            session.fall_behind(lane, position, hold);
        }
        self.catch_up(key, lane, now, out);
        self.probe(key, out);
    }

    /// A page could not be read: the session starts again at its next login.
    pub fn page_failed(&mut self, key: SessionKey, out: &mut Vec<Output>) {
        if self.sessions.contains_key(&key) {
            out.push(Output::Close(key, CloseReason::Restart));
        }
    }

    /// Tells a device the cursor alone when what was passed over lies above what it was told (DESIGN rule 9).
    pub(crate) fn tell_owed(&mut self, key: SessionKey, lane: Lane, now: Now, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        let Some(seq) = session.lane(lane).owed() else { return };
        match session.kind {
            SessionKind::Push => {
                session.lane_mut(lane).told = seq;
                out.push(Output::Cursor { session: key, lane, seq });
            }
            SessionKind::Standard | SessionKind::Androidpn if session.has_unacknowledged(lane) => {}
            SessionKind::Standard | SessionKind::Androidpn => {
                session.lane_mut(lane).told = seq;
                session.record(key, lane, seq, Vec::new(), now, out);
            }
        }
    }
}

impl Session {
    /// Considers one entry of a lane, in order; false when it must be sent and the window has no room.
    pub(crate) fn consider(
        &mut self,
        key: SessionKey,
        entry: &Arc<Entry>,
        later: &Later,
        watermark: Seq,
        now: Now,
        out: &mut Vec<Output>,
    ) -> bool {
        let Some(lane) = entry.kind.routing().map(|routing| routing.lane) else { return true };
        let user = match verdict(&self.memberships, entry, later, watermark, now.wall) {
            Verdict::NotAddressed => return true,
            Verdict::Pass(ending) => {
                self.lane_mut(lane).pass(entry.seq, ending);
                return true;
            }
            Verdict::Send { user } => user,
        };
        if let Some(ending) = self.unfit(entry, watermark) {
            self.lane_mut(lane).pass(entry.seq, ending);
            return true;
        }
        if !self.has_room() {
            self.note_full(now);
            return false;
        }
        if entry.seq <= self.lane(lane).told {
            // Sending 10 before 9 would lose 9 for ever (DESIGN rule 7): rather begin again.
            out.push(Output::Close(key, CloseReason::Restart));
            return false;
        }
        let hold = self.lane(lane).hold();
        let (at, accepted_at) = (now.wall, entry.created_at);
        let update = self.renewed(entry, later);
        let bytes = cost(update.as_ref().unwrap_or(entry));
        self.sent(Sent { lane, seq: entry.seq, id: entry.id, bytes, at, hold, accepted_at }, now);
        out.push(Output::Send { session: key, entry: Arc::clone(entry), user, update });
        if self.kind == SessionKind::Androidpn {
            out.push(self.probe(key));
        }
        true
    }

    /// The update whose content a notification is sent with. The update itself is sent in its turn, and a device of ours, which is told
    /// its id, has nothing more to do then; original androidpn clients are not sent it, and others get both as they are.
    fn renewed(&self, entry: &Entry, later: &Later) -> Option<Arc<Entry>> {
        let is_known = match self.kind {
            SessionKind::Push | SessionKind::Androidpn => matches!(entry.kind, EntryKind::Notification(_)),
            SessionKind::Standard => false,
        };
        later.update.clone().filter(|_| is_known)
    }

    /// Why a client without our extension is not sent this entry.
    fn unfit(&self, entry: &Entry, watermark: Seq) -> Option<Ending> {
        if self.kind.is_push() {
            return None;
        }
        let is_poison = |seq| self.seldom().attempts.is_some_and(|own| own.seq == seq && own.sessions >= ATTEMPTS_MAX);
        match entry.kind {
            EntryKind::Recall(..) | EntryKind::Dismissal(..) => Some(Ending::NotStored),
            _ if is_poison(entry.seq) => Some(Ending::Rejected),
            // A second entry on the screen would be worse than the first content.
            EntryKind::Update(..) if self.kind == SessionKind::Androidpn => Some(Ending::NotStored),
            // It knows nothing of updates: to it this is a notification of its own.
            EntryKind::Update(..) if is_filtered(entry, &self.memberships, watermark) => Some(Ending::Filtered),
            EntryKind::Notification(_) | EntryKind::Update(..) => None,
            EntryKind::Membership(_) | EntryKind::Generation(_) => Some(Ending::NotStored),
        }
    }
}
