//! One session's state: live or behind per lane, and what is unacknowledged. No queue (DESIGN rule 8).

use std::sync::Arc;

use longwire_model::delivery::{self, Ending, Exception, Hold, Progress};
use longwire_model::device::Attempts;
use longwire_model::{DeviceId, EntryId, Held, Lane, LaneSeqs, Memberships, Rest, Seq, Seqs, Timestamp};

use crate::bind::SessionKind;
use crate::output::Output;
use crate::shard::{Now, SessionKey};
use crate::{WINDOW_BYTES, WINDOW_ENTRIES};

/// A bound session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) kind: SessionKind,
    pub(crate) memberships: Memberships,
    lanes: [LaneState; 2],
    window: Window,
    seldom: Option<Box<Seldom>>,
    /// Background entries are wanted now.
    pub(crate) flushing: bool,
    /// Something was received after the oldest unacknowledged entry was written.
    pub(crate) heard_since_sent: bool,
    /// Something was sent since the last ping behind it (clients without our extension).
    pub(crate) probe_due: bool,
    /// Something was sent in the normal lane since the background lane was last looked at.
    pub(crate) woken: bool,
}

/// What was sent and is not acknowledged.
#[derive(Debug, Default)]
struct Window {
    sent: Vec<Sent>,
    bytes: usize,
}

/// What a session has while something is due or owed: an idle one has nothing of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Seldom {
    /// The effective cursors, while the device owes its first acknowledgement's list of what it stored.
    pub(crate) owes_stored: Option<LaneSeqs>,
    /// Background entries wait until here at the latest.
    pub(crate) flush_by: Option<Timestamp>,
    /// Of a client without our extension: the oldest unacknowledged entry of earlier sessions.
    pub(crate) attempts: Option<Attempts>,
    /// Nothing is sent before this instant (monotonic ms; [`u64::MAX`]: until it is resumed); what is in the window may be acknowledged.
    pub(crate) quiet_until_ms: Option<u64>,
    /// Since when the window is full (monotonic ms).
    pub(crate) full_since_ms: Option<u64>,
    /// Since when a client without our extension owes the answer to a ping behind a push (monotonic ms).
    pub(crate) unanswered_since_ms: Option<u64>,
}

/// One lane of a session.
#[derive(Debug, Default)]
pub(crate) struct LaneState {
    /// None while live, when the position is the node's watermark.
    pub(crate) behind: Option<Behind>,
    /// The highest position that the device was told of, by entry, cursor or effective cursor.
    pub(crate) told: Seq,
    /// Where the next acknowledgement row starts: what is recorded, or about to be.
    pub(crate) base: Seq,
    /// What a login passed over unread: nothing in it was to be sent, but it may hold what the device has left.
    pub(crate) unread: Unread,
    /// What was passed over above `base`, ascending.
    pub(crate) passed: Vec<Passed>,
}

/// Where a lane is that is behind.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Behind {
    /// Its position.
    pub(crate) position: Seq,
    /// What keeps back what comes next.
    pub(crate) hold: Hold,
    /// A page of the log is on its way.
    pub(crate) reading: bool,
}

/// The positions above one up to another; nothing where these are equal.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Unread {
    pub(crate) after: Seq,
    pub(crate) to: Seq,
}

/// A run of positions passed over for one reason, with nothing sent in between.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed {
    pub(crate) first: Seq,
    pub(crate) last: Seq,
    pub(crate) ending: Ending,
}

/// An entry that was sent and is not acknowledged.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) lane: Lane,
    pub(crate) seq: Seq,
    pub(crate) id: EntryId,
    pub(crate) bytes: usize,
    pub(crate) at: Timestamp,
    pub(crate) hold: Option<Hold>,
    pub(crate) accepted_at: Timestamp,
}

impl Session {
    pub(crate) fn new(kind: SessionKind, memberships: Memberships, seldom: Seldom) -> Self {
        Self {
            kind,
            memberships,
            lanes: [LaneState::default(), LaneState::default()],
            window: Window::default(),
            seldom: (seldom != Seldom::NOTHING).then(|| Box::new(seldom)),
            flushing: true,
            heard_since_sent: false,
            probe_due: false,
            woken: false,
        }
    }

    pub(crate) const fn device(&self) -> DeviceId {
        self.memberships.device()
    }

    pub(crate) const fn lane(&self, lane: Lane) -> &LaneState {
        let [normal, background] = &self.lanes;
        match lane {
            Lane::Normal => normal,
            Lane::Background => background,
        }
    }

    pub(crate) const fn lane_mut(&mut self, lane: Lane) -> &mut LaneState {
        let [normal, background] = &mut self.lanes;
        match lane {
            Lane::Normal => normal,
            Lane::Background => background,
        }
    }

    pub(crate) fn user(&self) -> Option<Arc<str>> {
        let mut open = self.memberships.shared().filter(|own| own.left.is_none());
        open.find_map(|own| own.key.as_user()).map(Into::into)
    }

    /// What it has seldom.
    pub(crate) fn seldom(&self) -> &Seldom {
        self.seldom.as_deref().unwrap_or(&Seldom::NOTHING)
    }

    /// What it has seldom, for something to be put in.
    pub(crate) fn seldom_mut(&mut self) -> &mut Seldom {
        self.seldom.get_or_insert_default()
    }

    /// Takes out of what it has seldom; the memory goes with the last of it.
    pub(crate) fn clear_seldom(&mut self, clear: impl FnOnce(&mut Seldom)) {
        let Some(seldom) = self.seldom.as_deref_mut() else { return };
        clear(seldom);
        if *seldom == Seldom::NOTHING {
            self.seldom = None;
        }
    }

    pub(crate) fn is_quiet(&self, now: Now) -> bool {
        self.seldom().quiet_until_ms.is_some_and(|until| now.mono_ms < until)
    }

    pub(crate) fn has_room(&self) -> bool {
        self.window.sent.len() < WINDOW_ENTRIES && self.window.bytes < WINDOW_BYTES
    }

    /// The window is full, as from now on unless it has been before.
    pub(crate) fn note_full(&mut self, now: Now) {
        self.seldom_mut().full_since_ms.get_or_insert(now.mono_ms);
    }

    pub(crate) fn sent(&mut self, sent: Sent, now: Now) {
        if self.window.sent.is_empty() {
            self.heard_since_sent = false;
        }
        self.probe_due |= self.kind == SessionKind::Standard;
        self.woken |= sent.lane == Lane::Normal;
        let window = &mut self.window;
        window.bytes += sent.bytes;
        window.sent.push(sent);
        if !self.kind.is_push() {
            self.seldom_mut().unanswered_since_ms.get_or_insert(now.mono_ms);
        }
        self.lane_mut(sent.lane).told = sent.seq;
    }

    /// Takes what `upto` acknowledges in `lane` out of the window; gives it.
    pub(crate) fn settle(&mut self, lane: Lane, upto: Seq, now: Now) -> Vec<Sent> {
        let window = &mut self.window;
        let mut settled = Vec::new();
        window.sent.retain(|sent| {
            let is_settled = sent.lane == lane && sent.seq <= upto;
            if is_settled {
                settled.push(*sent);
            }
            !is_settled
        });
        let is_empty = window.sent.is_empty();
        if is_empty {
            self.window = Window::default();
        } else if !settled.is_empty() {
            window.bytes -= settled.iter().map(|sent| sent.bytes).sum::<usize>();
        }
        if is_empty || !settled.is_empty() {
            self.clear_seldom(|seldom| {
                seldom.full_since_ms = None;
                seldom.unanswered_since_ms = seldom.unanswered_since_ms.filter(|_| !is_empty).map(|_| now.mono_ms);
            });
        }
        settled
    }

    /// What was sent and is not acknowledged, in the order of sending.
    fn unsettled(&self) -> &[Sent] {
        &self.window.sent
    }

    pub(crate) fn oldest_unacknowledged(&self) -> Option<Seq> {
        self.unsettled().iter().map(|sent| sent.seq).min()
    }

    pub(crate) fn has_unacknowledged(&self, lane: Lane) -> bool {
        self.unsettled().iter().any(|sent| sent.lane == lane)
    }

    /// Where the unacknowledged entry of this id stands.
    pub(crate) fn find_sent(&self, id: EntryId) -> Option<(Lane, Seq)> {
        self.unsettled().iter().find(|sent| sent.id == id).map(|sent| (sent.lane, sent.seq))
    }

    pub(crate) fn is_unacknowledged(&self, lane: Lane, seq: Seq) -> bool {
        self.unsettled().iter().any(|sent| sent.lane == lane && sent.seq == seq)
    }

    /// The ping behind what it was sent up to now.
    pub(crate) fn probe(&self, key: SessionKey) -> Output {
        let [normal, background] = Lane::ALL.map(|lane| self.lane(lane).told);
        Output::Probe { session: key, upto: LaneSeqs { normal, background } }
    }

    /// How far the entry at `seq` has come, which is not acknowledged.
    pub(crate) fn progress(&self, lane: Lane, seq: Seq) -> Progress {
        if let Some(sent) = self.unsettled().iter().find(|sent| sent.seq == seq) {
            return Progress::Written { at: sent.at, hold: sent.hold, is_blocked: false };
        }
        let state = self.lane(lane);
        if state.base < seq && self.seldom().owes_stored.is_some_and(|effective| seq <= effective.get(lane)) {
            return Progress::Unlisted;
        }
        match state.behind {
            Some(behind) if behind.position < seq => Progress::Waiting(behind.hold),
            Some(_) | None => {
                let mut runs = state.passed.iter().copied().chain(state.unread.run());
                let run = runs.find(|run| run.first <= seq && seq <= run.last);
                Progress::Passed(run.map(|run| run.ending))
            }
        }
    }

    /// What it leaves behind if it ends now.
    pub(crate) fn rest(&self) -> Rest {
        let held = |lane| {
            let Behind { position, hold, .. } = self.lane(lane).behind?;
            Some(Held { lane, after: position, hold })
        };
        Rest {
            sent: self.unsettled().iter().map(Sent::kept).collect(),
            held: Lane::ALL.into_iter().filter_map(held).collect(),
        }
    }

    /// The lane falls behind at `position`, or stays there; `hold` says why.
    pub(crate) fn fall_behind(&mut self, lane: Lane, position: Seq, hold: Hold) {
        let state = self.lane_mut(lane);
        let reading = state.behind.is_some_and(|behind| behind.reading);
        state.behind = Some(Behind { position, hold, reading });
    }

    pub(crate) fn unacknowledged(&self) -> usize {
        self.unsettled().len()
    }
}

impl Seldom {
    const NOTHING: Self = Self {
        owes_stored: None,
        flush_by: None,
        attempts: None,
        quiet_until_ms: None,
        full_since_ms: None,
        unanswered_since_ms: None,
    };
}

impl Sent {
    /// What an acknowledgement row keeps of it.
    pub(crate) const fn kept(&self) -> delivery::Sent {
        delivery::Sent { seq: self.seq, at: self.at, hold: self.hold }
    }
}

impl Unread {
    /// As what was passed over; whether it is stored nobody knows yet.
    fn run(self) -> Option<Passed> {
        let run = Passed { first: self.after.saturating_add(1), last: self.to, ending: Ending::NotStored };
        (self.after < self.to).then_some(run)
    }
}

impl LaneState {
    /// The position while behind.
    pub(crate) fn position(&self) -> Option<Seq> {
        self.behind.map(|behind| behind.position)
    }

    /// What keeps back what comes next, while behind.
    pub(crate) fn hold(&self) -> Option<Hold> {
        self.behind.map(|behind| behind.hold)
    }

    /// A page of the log is on its way, or no longer.
    pub(crate) fn set_reading(&mut self, reading: bool) {
        if let Some(behind) = &mut self.behind {
            behind.reading = reading;
        }
    }

    /// Notes that `seq` was passed over.
    pub(crate) fn pass(&mut self, seq: Seq, ending: Ending) {
        if seq <= self.base {
            return;
        }
        match self.passed.last_mut() {
            Some(run) if run.ending == ending && run.last > self.told => run.last = seq,
            _ => self.passed.push(Passed { first: seq, last: seq, ending }),
        }
    }

    /// The highest position passed over that the device was not told of.
    pub(crate) fn owed(&self) -> Option<Seq> {
        self.passed.last().map(|run| run.last).filter(|&last| last > self.told)
    }

    /// Takes out what was passed over up to `upto`, as exceptions of an acknowledgement row.
    pub(crate) fn take_exceptions(&mut self, upto: Seq) -> Vec<Exception> {
        let mut exceptions: Vec<Exception> = Vec::new();
        let taken = self.passed.partition_point(|run| run.first <= upto);
        let mut rest = None;
        let unread = self.unread.run().filter(|run| run.first <= upto);
        if unread.is_some() {
            self.unread = Unread::default();
        }
        for mut run in unread.into_iter().chain(self.passed.drain(..taken)) {
            if run.last > upto {
                rest = Some(Passed { first: upto.saturating_add(1), ..run });
                run.last = upto;
            }
            match exceptions.iter_mut().find(|exception| exception.ending == run.ending) {
                Some(exception) => exception.seqs.push(run.first, run.last),
                None => {
                    let mut seqs = Seqs::default();
                    seqs.push(run.first, run.last);
                    exceptions.push(Exception { seqs, ending: run.ending });
                }
            }
        }
        self.passed.splice(0..0, rest);
        if self.passed.is_empty() {
            self.passed = Vec::new();
        }
        exceptions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_one_is_small() {
        assert!(size_of::<Session>() <= 232, "{}", size_of::<Session>());
    }

    #[test]
    fn what_it_has_seldom_goes_with_the_last_of_it() {
        let memberships = Memberships::new(DeviceId::from_bytes([1; 16]), Vec::new());
        let mut session = Session::new(SessionKind::Push, memberships, Seldom::default());
        session.note_full(Now { mono_ms: 5, ..Now::default() });
        session.note_full(Now { mono_ms: 6, ..Now::default() });
        session.seldom_mut().flush_by = Some(Timestamp::from_millis(7));
        session.clear_seldom(|seldom| seldom.flush_by = None);
        assert_eq!(session.seldom().full_since_ms, Some(5));
        session.clear_seldom(|seldom| seldom.full_since_ms = None);
        assert!(session.seldom.is_none() && *session.seldom() == Seldom::default());
    }
}
