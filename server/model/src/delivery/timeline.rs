//! What a delivery waited for, stretch by stretch: its sessions laid over the time from its acceptance to its end.

use super::cause::{Cause, Delay};
use super::{Facts, Hold, Progress};
use crate::limits::SESSIONS_MAX;
use crate::session::{Session, SessionEnd};
use crate::{Lane, Timestamp};

/// Milliseconds that something may take on a device that is connected without being a delay.
pub const DELAY_MS_MIN: i64 = 1_000;
/// Delays that are told of one delivery: the longest ones.
pub const DELAYS_MAX: usize = 32;

/// When it was written to the connection on which it was acknowledged, or to that of now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written {
    pub(super) at: Timestamp,
    pub(super) hold: Option<Hold>,
    pub(super) is_blocked: bool,
}

/// What is told of a device that logged in with a cursor above what it has acknowledged.
const UNLISTED: &str = "the device's list of what it has is awaited";

/// The stretch of time that is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stretch {
    pub(super) from: Timestamp,
    pub(super) to: Timestamp,
    /// Whether it still goes on.
    pub(super) is_open: bool,
}

/// What was waited for in a stretch, in order of time and without overlap.
pub(super) fn delays(facts: &Facts<'_>, written: Option<Written>, stretch: Stretch) -> Vec<Delay> {
    let mut line = Line { facts, written, stretch, delays: Vec::new() };
    line.draw();
    let mut delays = line.delays;
    if stretch.is_open
        && let Some(last) = delays.last_mut().filter(|last| last.to == Some(stretch.to))
    {
        last.to = None;
    }
    delays.retain(|delay| {
        let least = if delay.cause.is_connected() || delay.cause == Cause::Unknown { DELAY_MS_MIN } else { 1 };
        delay.to.is_none() || delay.millis(stretch.to) >= least
    });
    longest(delays, stretch.to)
}

/// The longest delays, in order of time.
fn longest(mut delays: Vec<Delay>, now: Timestamp) -> Vec<Delay> {
    if delays.len() > DELAYS_MAX {
        delays.sort_by_key(|delay| std::cmp::Reverse((delay.to.is_none(), delay.millis(now))));
        delays.truncate(DELAYS_MAX);
        delays.sort_by_key(|delay| delay.from);
    }
    delays
}

struct Line<'a> {
    facts: &'a Facts<'a>,
    written: Option<Written>,
    stretch: Stretch,
    delays: Vec<Delay>,
}

impl Line<'_> {
    fn draw(&mut self) {
        let Stretch { from, to, .. } = self.stretch;
        let mut sessions: Vec<&Session> = self.facts.sessions.iter().collect();
        sessions.sort_by_key(|session| (session.began_at, session.ended_at, session.end.as_str()));
        let before = sessions.iter().filter(|session| session.ended_at <= from).max_by_key(|session| session.ended_at);
        let mut previous = before.copied();
        let is_whole = previous.is_some() || sessions.len() < SESSIONS_MAX;
        // Of two sessions of one instant the later one wrote it.
        let began = sessions.iter().map(|session| session.began_at).chain(self.facts.present.map(|own| own.began_at));
        let writer = self.written.and_then(|written| began.filter(|began| *began <= written.at).max());
        let mut cursor = from;
        for session in sessions.iter().filter(|session| session.ended_at > from) {
            let (began, ended) = (session.began_at.clamp(cursor, to), session.ended_at.clamp(cursor, to));
            self.gap(cursor, began, previous, is_whole);
            let is_writer = writer == Some(session.began_at);
            let written = self.written.filter(|written| is_writer && written.at <= session.ended_at);
            self.past_session(began.min(ended), ended, session, written);
            cursor = ended;
            previous = Some(session);
        }
        match self.facts.present {
            Some(present) => {
                let began = present.began_at.clamp(cursor, to);
                self.gap(cursor, began, previous, is_whole);
                self.present_session(began, to);
            }
            None => self.gap(cursor, to, previous, is_whole),
        }
    }

    fn push(&mut self, cause: Cause, (from, to): (Timestamp, Timestamp), since: Option<Timestamp>, detail: String) {
        // What goes on has begun, even if only at this instant.
        let goes_on = self.stretch.is_open && to == self.stretch.to;
        if to > from || (goes_on && from == to) {
            self.delays.push(Delay { cause, from, to: Some(to), since, detail });
        }
    }

    /// A time without a session.
    fn gap(&mut self, from: Timestamp, to: Timestamp, previous: Option<&Session>, is_whole: bool) {
        let Some(previous) = previous else {
            return if is_whole {
                self.push(Cause::Offline, (from, to), None, "it has never connected".to_owned());
            } else {
                self.push(Cause::Unknown, (from, to), None, "its sessions then are not known any more".to_owned());
            };
        };
        match previous.resumed_at {
            Some(resumed) => {
                let back = resumed.clamp(from, to);
                let down = format!("the server was stopped or died, and ran again at {resumed}");
                self.push(Cause::ServerDown, (from, back), Some(previous.ended_at), down);
                let away = "it has not come back since the server was restarted".to_owned();
                self.push(Cause::Offline, (back, to), Some(resumed.max(previous.ended_at)), away);
            }
            None => self.push(Cause::Offline, (from, to), Some(previous.ended_at), ended(previous)),
        }
    }

    /// A session that is over: what it wrote and what it held back, as it is told while it goes on.
    fn past_session(&mut self, from: Timestamp, to: Timestamp, session: &Session, settled: Option<Written>) {
        let (lane, seq) = (self.lane(), self.facts.entry.seq);
        if let Some(written) = self.left_in(session) {
            // The newer login follows at once: no time without a session tells of it.
            let is_replaced = session.end == SessionEnd::Conflict;
            let end = if is_replaced { format!(" until {}", ended(session)) } else { String::new() };
            return self.written_session(from, to, written, ("", &end));
        }
        if let Some(written) = settled {
            return self.written_session(from, to, written, ("", ""));
        }
        match session.rest.as_ref().map(|rest| rest.hold(lane, seq)) {
            Some(Some(hold)) => self.held(from, to, Some(hold), ""),
            Some(None) => self.push(Cause::NotAcknowledged, (from, to), Some(from), UNLISTED.to_owned()),
            None => {
                let detail = format!("what its session until {} had written is not known", session.ended_at);
                self.push(Cause::Unknown, (from, to), Some(from), detail);
            }
        }
    }

    /// When a session that is over wrote what it left behind.
    fn left_in(&self, session: &Session) -> Option<Written> {
        let is_blocked = session.end == SessionEnd::Slow;
        let sent = session.rest.as_ref().and_then(|rest| rest.sent(self.facts.entry.seq));
        sent.map(|sent| Written { at: sent.at, hold: sent.hold, is_blocked })
    }

    fn present_session(&mut self, from: Timestamp, to: Timestamp) {
        let overdue = self.overdue();
        let progress = self.facts.present.and_then(|present| present.progress);
        match (self.written.filter(|written| written.at >= from), progress) {
            (Some(written), _) => self.written_session(from, to, written, (&overdue, &overdue)),
            (None, Some(Progress::Waiting(hold))) => self.held(from, to, Some(hold), &overdue),
            (None, Some(Progress::Passed(_))) => {
                let detail = "what became of it is being recorded".to_owned();
                self.push(Cause::NotAcknowledged, (from, to), Some(from), detail);
            }
            (None, Some(Progress::Unlisted)) => {
                let detail = format!("{UNLISTED}{overdue}");
                self.push(Cause::NotAcknowledged, (from, to), Some(from), detail);
            }
            (None, Some(Progress::Written { .. }) | None) => self.held(from, to, None, &overdue),
        }
    }

    /// With what is to be added while it was held, and once it was written.
    fn written_session(&mut self, from: Timestamp, to: Timestamp, written: Written, (before, after): (&str, &str)) {
        let at = written.at.clamp(from, to);
        self.held(from, at, written.hold, before);
        let (cause, detail) = if written.is_blocked {
            (Cause::SlowSocket, "its connection takes nothing of what is written to it".to_owned())
        } else {
            (Cause::NotAcknowledged, format!("written to its connection, without an answer{after}"))
        };
        self.push(cause, (at, to), Some(at), detail);
    }

    /// Connected, and not written yet.
    fn held(&mut self, from: Timestamp, to: Timestamp, hold: Option<Hold>, overdue: &str) {
        let (cause, detail) = match hold {
            Some(Hold::Window) => (Cause::WindowFull, "as much as may be was written and not acknowledged"),
            Some(Hold::Background) => (Cause::BackgroundLane, "it goes with the device's next heartbeat or wake-up"),
            Some(Hold::CatchUp) => (Cause::CatchingUp, "what is before it in the log goes first"),
            None if self.lane() == Lane::Background => {
                (Cause::BackgroundLane, "it goes with the device's next heartbeat or wake-up")
            }
            None => (Cause::CatchingUp, "what is before it in the log goes first"),
        };
        let detail = format!("{detail}{overdue}");
        self.push(cause, (from, to), Some(from), detail);
    }

    /// What is to be said of a device that did not keep its promise.
    fn overdue(&self) -> String {
        let present = self.facts.present.filter(|_| self.stretch.is_open);
        match present.and_then(|present| Some((present.heard_at, present.next_contact?))) {
            Some((heard, next)) if next < self.facts.now => {
                format!("; the device is overdue since {next}, and was last heard of at {heard}")
            }
            Some(_) | None => String::new(),
        }
    }

    fn lane(&self) -> Lane {
        self.facts.entry.kind.routing().map_or(Lane::Normal, |routing| routing.lane)
    }
}

/// Why a session ended, for a person.
fn ended(session: &Session) -> String {
    let text = match session.end {
        SessionEnd::Closed => "the device ended its session",
        SessionEnd::Lost => "its connection was lost",
        SessionEnd::Silent => {
            return format!("it was silent from {} on, for longer than it had promised", session.heard_at);
        }
        SessionEnd::Conflict => "another login of the device ended its session",
        SessionEnd::Slow => "its connection took nothing and was closed",
        SessionEnd::Stalled => "it acknowledged nothing of a full window, so its session was closed",
        SessionEnd::Violation => "it broke a rule of the protocol, so its session was closed",
        SessionEnd::NotAuthorized => "the device or its account was removed",
        SessionEnd::Reset => "the server asked it to log in again",
        SessionEnd::Restart => "the server was stopped or died",
        SessionEnd::Unrecorded => "how its session ended was not recorded",
    };
    text.to_owned()
}
