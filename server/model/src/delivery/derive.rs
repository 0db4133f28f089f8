//! From facts to a state, its times and its causes.

use super::timeline::{Stretch, Written, delays};
use super::{Delay, Ending, Event, EventType, Facts, Progress, State};
use crate::{Entry, Lane, Rest, Session, Timestamp};

/// The derived delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it stands.
    pub state: State,
    /// When each state on the way was reached, in the order of a life.
    pub at: Vec<(State, Timestamp)>,
    /// What it waits for, what it waited for longest, or why it ended as it did.
    pub cause: Option<String>,
    /// What it waited for, in order of time and without overlap.
    pub delays: Vec<Delay>,
}

/// Derives the state of a delivery.
#[must_use]
pub fn state(facts: &Facts<'_>) -> Delivery {
    let accepted = facts.entry.created_at;
    let seq = facts.entry.seq;
    let lane = facts.entry.kind.routing().map(|routing| routing.lane);
    let covering = |row: &&super::Acknowledgement| lane.is_some_and(|lane| row.covers(lane, facts.entry.seq));
    let row = facts.acknowledgements.iter().filter(covering).min_by_key(|row| (row.from, row.to, row.at));
    let settled = row.and_then(|row| row.sent.iter().find(|sent| sent.seq == facts.entry.seq));
    let written = match (settled, facts.present.and_then(|present| present.progress)) {
        (Some(sent), _) => Some(Written { at: sent.at, hold: sent.hold, is_blocked: false }),
        (None, Some(Progress::Written { at, hold, is_blocked })) if row.is_none() => {
            Some(Written { at, hold, is_blocked })
        }
        (None, _) => None,
    };
    let written = written.map(|written| Written { at: written.at.max(accepted), ..written });
    let written_at = written.map(|written| written.at);
    // A device's clock is not trusted to tell of a time before it was written.
    let told = facts.events.iter().map(|event| event.at).filter(|at| Some(*at) >= written_at);
    let signs: Vec<Timestamp> = told.chain([accepted]).chain(row.map(|row| row.at)).chain(written_at).collect();
    let sessions: Vec<Session> = facts.sessions.iter().map(|own| outlived(own, &signs)).collect();
    let facts = &Facts { sessions: &sessions, ..facts.clone() };
    let earlier = sessions.iter().filter_map(|own| own.rest.as_ref()?.sent(seq)).map(|sent| sent.at.max(accepted));
    let sent_at = earlier.chain(written.map(|written| written.at)).min();
    let mut at = vec![(State::Accepted, accepted)];
    at.extend(sent_at.map(|at| (State::Sent, at)));
    let ending = row.and_then(|row| row.exception(facts.entry.seq));
    let mut tale = Tale { facts, written, sent_at, at, ending, passed_at: row.map(|row| row.at) };
    match row.map(|row| (row.at.max(accepted), row.exception(facts.entry.seq))) {
        // What a device tells of it, it has: whatever became of its acknowledgement.
        Some((_, Some(_))) | None if !facts.events.is_empty() => tale.stored(None),
        Some((stored_at, None)) => tale.stored(Some(stored_at)),
        Some((passed_at, Some(ending))) => tale.passed(passed_at, ending),
        None => tale.pending(),
    }
}

/// The state that an ending leads to; none when it must follow from the rest.
const fn named(ending: Ending) -> Option<State> {
    match ending {
        Ending::Expired => Some(State::Expired),
        Ending::Superseded => Some(State::Superseded),
        Ending::Recalled => Some(State::Recalled),
        Ending::Filtered => Some(State::Filtered),
        Ending::Left => Some(State::Left),
        Ending::Rejected => Some(State::Rejected),
        Ending::NotStored => None,
    }
}

/// A session that the server did not outlive went on at least as long as there are signs of it.
fn outlived(session: &Session, signs: &[Timestamp]) -> Session {
    let own = |at: &Timestamp| session.began_at <= *at && session.resumed_at.is_some_and(|resumed| *at < resumed);
    let last = signs.iter().copied().filter(own).max();
    Session { ended_at: session.ended_at.max(last.unwrap_or(session.ended_at)), ..session.clone() }
}

/// Whether a session has looked at an entry and not written it, as far as that is known.
fn has_passed(session: &Session, entry: &Entry) -> bool {
    let lane = entry.kind.routing().map_or(Lane::Normal, |routing| routing.lane);
    let was_there = |rest: &Rest| rest.sent(entry.seq).is_none() && rest.hold(lane, entry.seq).is_none();
    session.rest.as_deref().is_none_or(was_there)
}

struct Tale<'a> {
    facts: &'a Facts<'a>,
    written: Option<Written>,
    /// When it was first written to a connection, as far as that is known.
    sent_at: Option<Timestamp>,
    at: Vec<(State, Timestamp)>,
    /// Why the cursor passed it, if it did.
    ending: Option<Ending>,
    /// When the acknowledgement came that settles it, if one has.
    passed_at: Option<Timestamp>,
}

impl<'a> Tale<'a> {
    fn event(&self, kind: EventType) -> Option<&'a Event> {
        self.facts.events.iter().filter(|event| event.kind == kind).min_by_key(|event| (event.at, &event.reason))
    }

    fn delays(&self, to: Timestamp, is_open: bool) -> Vec<Delay> {
        let from = self.facts.entry.created_at;
        delays(self.facts, self.written, Stretch { from, to: to.max(from), is_open })
    }

    fn told(&mut self, state: State, cause: Option<String>, delays: Vec<Delay>) -> Delivery {
        Delivery { state, at: std::mem::take(&mut self.at), cause, delays }
    }

    /// The device has it, as it said by an acknowledgement or by an event. What it tells of an earlier time was stored then.
    fn stored(&mut self, acknowledged_at: Option<Timestamp>) -> Delivery {
        let told = self.facts.events.iter().map(|event| event.at).chain(acknowledged_at).min();
        let earliest = self.sent_at.unwrap_or(self.facts.entry.created_at);
        let stored_at = told.unwrap_or(earliest).max(earliest);
        let delays = self.delays(stored_at, false);
        let shown = self.shown(stored_at);
        if let (None, Some(event)) = (shown, self.event(EventType::Rejected)) {
            self.at.push((State::Rejected, event.at.max(stored_at)));
            let cause = event.reason.as_ref().map_or_else(
                || "rejected: the device gave no reason".to_owned(),
                |reason| format!("rejected: {reason}"),
            );
            return self.told(State::Rejected, Some(cause), delays);
        }
        let index = self.at.iter().take_while(|(state, _)| *state <= State::Sent).count();
        self.at.insert(index, (State::Delivered, stored_at));
        for (kind, state, cause) in [
            (EventType::Left, State::Left, "left: its user left the device before it was shown"),
            (EventType::Expired, State::Expired, "expired on the device before it was shown"),
        ] {
            if let (None, Some(event)) = (shown, self.event(kind)) {
                self.at.push((state, event.at.max(stored_at)));
                return self.told(state, Some(cause.to_owned()), delays);
            }
        }
        let reached = shown.unwrap_or(State::Delivered);
        let recalled_at = self.facts.recalled_at;
        self.at.extend(recalled_at.filter(|_| self.facts.has_recall).map(|recalled| {
            let displayed = self.event(EventType::Displayed).map_or(stored_at, |event| event.at);
            (State::Recalled, recalled.max(stored_at).max(displayed))
        }));
        match (recalled_at, reached) {
            (Some(_), State::Delivered | State::Displayed) if self.facts.has_recall => {
                let cause = if reached == State::Displayed {
                    "recalled: the device has taken it away"
                } else {
                    "recalled: the device has the recall too, and does not show it"
                };
                self.told(State::Recalled, Some(cause.to_owned()), delays)
            }
            (Some(_), State::Delivered | State::Displayed) => {
                let cause = "recalled; the device has not acknowledged that yet".to_owned();
                self.told(reached, Some(cause), delays)
            }
            _ => {
                let longest = delays.iter().max_by_key(|delay| delay.millis(stored_at));
                let cause = longest.map(Delay::past);
                self.told(reached, cause, delays)
            }
        }
    }

    /// How far it has come on the screen; opened stays opened: dismissing what was opened tells nothing new. Of the two neither moves
    /// the other's time.
    fn shown(&mut self, stored_at: Timestamp) -> Option<State> {
        let displayed = self.event(EventType::Displayed).map(|event| (State::Displayed, event.at.max(stored_at)));
        let earliest = displayed.map_or(stored_at, |(_, at)| at);
        let mut told = [(EventType::Opened, State::Opened), (EventType::Dismissed, State::Dismissed)]
            .map(|(kind, state)| self.event(kind).map(|event| (state, event.at.max(earliest))));
        let reached = told.into_iter().chain([displayed]).flatten().next();
        told.sort_by_key(|own| own.map(|(_, at)| at));
        self.at.extend(displayed.into_iter().chain(told.into_iter().flatten()));
        reached.map(|(state, _)| state)
    }

    /// The cursor passed it, and this is why.
    fn passed(&mut self, passed_at: Timestamp, ending: Ending) -> Delivery {
        let Some(state) = named(ending) else { return self.not_stored(passed_at) };
        let ended_at = self.ended_at(state).filter(|ended| *ended <= passed_at).unwrap_or(passed_at);
        // Of several ends the session names one; the first was told before.
        let first = self.end(passed_at).filter(|(_, at)| *at < ended_at);
        let (state, ended_at) = first.unwrap_or((state, ended_at));
        self.ended(state, ended_at)
    }

    /// The cursor passed it unstored, on a connection whose own account of it was lost: what ended it follows from the rest.
    fn not_stored(&mut self, passed_at: Timestamp) -> Delivery {
        if let Some((state, ended_at)) = self.end(passed_at) {
            return self.ended(state, ended_at);
        }
        let is_filtered = self.facts.entry.kind.content().is_some_and(|content| content.filter.is_some());
        // A wall clock that was set back since tells an end as later than the passing that it caused.
        let late = [State::Recalled, State::Left, State::Superseded];
        if !is_filtered && let Some(state) = late.into_iter().find(|state| self.ended_at(*state).is_some()) {
            return self.ended(state, passed_at);
        }
        self.ended(if is_filtered { State::Filtered } else { State::Rejected }, passed_at)
    }

    fn pending(&mut self) -> Delivery {
        if let Some((began_at, Progress::Passed(Some(ending)))) = self.progress()
            && named(ending).is_some_and(|state| self.ended_at(state).is_none())
        {
            // Only the session knows when that was.
            return self.passed(began_at.max(self.facts.entry.created_at), ending);
        }
        let sent_at = self.at.iter().find(|(state, _)| *state == State::Sent).map(|(_, at)| *at);
        let end = self.end(self.facts.now);
        // A login below it that had nothing to read: the device has not stored it, and it is not sent again.
        let is_unread = matches!(self.progress(), Some((_, Progress::Passed(Some(Ending::NotStored)))));
        if let Some((state, ended_at)) = end
            && (is_unread || sent_at.is_none_or(|sent| ended_at < sent))
        {
            return self.ended(state, ended_at);
        }
        let state = if self.sent_at.is_some() { State::Sent } else { State::Accepted };
        let delays = self.delays(self.facts.now, true);
        let cause = match end {
            // What was written before it ended may have been stored as well.
            Some((end, _)) => Some(format!("{}; the device has not yet said whether it had it", self.ending_as(end))),
            None => delays.last().filter(|delay| delay.to.is_none()).map(Delay::present),
        };
        self.told(state, cause, delays)
    }

    /// An end that is not known to have come before the device had it.
    fn ending_as(&self, end: State) -> String {
        match (end, self.facts.superseded) {
            (State::Superseded, Some(superseded)) => format!("superseded by {}", superseded.by),
            _ => end.to_string(),
        }
    }

    /// An end before the device had it.
    fn ended(&mut self, state: State, ended_at: Timestamp) -> Delivery {
        let ended_at = ended_at.max(self.at.last().map_or(ended_at, |(_, last)| *last));
        self.at.push((state, ended_at));
        let delays = self.delays(ended_at, false);
        let cause = self.why(state, ended_at, &delays);
        self.told(state, cause, delays)
    }

    fn why(&self, state: State, ended_at: Timestamp, delays: &[Delay]) -> Option<String> {
        let entry = self.facts.entry;
        match state {
            State::Superseded => Some(match self.facts.superseded {
                Some(superseded) => format!("superseded by {}", superseded.by),
                None => "superseded by a newer notification with its collapse key".to_owned(),
            }),
            State::Filtered => {
                let filter = entry.kind.content().and_then(|content| content.filter.as_ref());
                Some(filter.map_or_else(|| "filtered".to_owned(), |filter| format!("filtered: {filter}")))
            }
            State::Expired => {
                let waiting = delays.iter().rfind(|delay| delay.to == Some(ended_at));
                Some(waiting.map_or_else(|| "expired".to_owned(), |delay| format!("expired while {}", delay.present())))
            }
            State::Recalled => Some("recalled before the device had it".to_owned()),
            State::Left => Some("left: the device left the audience before it had it".to_owned()),
            State::Rejected => Some(if self.ending == Some(Ending::Rejected) {
                "rejected: never acknowledged".to_owned()
            } else {
                "rejected: the device's cursor passed it without storing it".to_owned()
            }),
            State::Scheduled
            | State::Accepted
            | State::Sent
            | State::Delivered
            | State::Displayed
            | State::Opened
            | State::Dismissed => None,
        }
    }

    /// What ended an entry that was not stored, judged at `judged`: whatever came first.
    fn end(&self, judged: Timestamp) -> Option<(State, Timestamp)> {
        let ends = [State::Recalled, State::Left, State::Filtered, State::Superseded, State::Expired];
        let ended = ends.into_iter().filter_map(|state| Some((state, self.ended_at(state)?)));
        ended.filter(|(_, at)| *at <= judged).min_by_key(|(_, at)| *at)
    }

    /// How far it has come on the session of now, and when that began.
    fn progress(&self) -> Option<(Timestamp, Progress)> {
        self.facts.present.and_then(|present| Some((present.began_at, present.progress?)))
    }

    /// When the filter kept it from the device: as the first session began that has looked at it, or as it was accepted in that.
    fn filtered_at(&self) -> Option<Timestamp> {
        let Facts { entry, is_filtered, sessions, present, .. } = *self.facts;
        let judged = |began: Timestamp, ended: Option<Timestamp>| {
            let is_passed = self.ending == Some(Ending::Filtered) && self.passed_at >= Some(began);
            is_passed && ended.is_none_or(|ended| self.passed_at <= Some(ended))
        };
        let past = sessions.iter().filter(|own| {
            judged(own.began_at, Some(own.ended_at))
                || (is_filtered && own.ended_at >= entry.created_at && has_passed(own, entry))
        });
        let now = present.filter(|own| match own.progress {
            Some(Progress::Passed(ending)) => is_filtered || ending == Some(Ending::Filtered),
            Some(Progress::Unlisted) => is_filtered,
            Some(Progress::Waiting(_) | Progress::Written { .. }) | None => judged(own.began_at, None),
        });
        let began = past.map(|own| own.began_at).chain(now.map(|own| own.began_at));
        began.min().map(|began| began.max(entry.created_at))
    }

    fn ended_at(&self, state: State) -> Option<Timestamp> {
        match state {
            State::Filtered => self.filtered_at(),
            State::Recalled => self.facts.recalled_at,
            State::Left => self.facts.left_at,
            State::Superseded => self.facts.superseded.map(|superseded| superseded.at),
            State::Expired => self.facts.entry.kind.routing().map(|routing| routing.expires_at),
            State::Scheduled
            | State::Accepted
            | State::Sent
            | State::Delivered
            | State::Displayed
            | State::Opened
            | State::Dismissed
            | State::Rejected => None,
        }
    }
}
