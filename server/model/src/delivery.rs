//! What became of a notification on one device: the one pure function that API, console and tests share (DESIGN §2).

use std::fmt;
use std::str::FromStr;

use crate::{Entry, Lane, Seq, Seqs, Timestamp};

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Accepted, to be released later.
    Scheduled,
    /// On disk; not yet sent to this device.
    Accepted,
    /// Written to the device's connection.
    Sent,
    /// Stored by the device.
    Delivered,
    /// Handed to the screen.
    Displayed,
    /// Opened by a person.
    Opened,
    /// Dismissed by a person.
    Dismissed,
    /// Ended: not stored before its expiry.
    Expired,
    /// Ended: a newer entry with its collapse key took its place.
    Superseded,
    /// Ended: recalled by the sender.
    Recalled,
    /// Ended: the device did not pass the filter.
    Filtered,
    /// Ended: the device left the audience.
    Left,
    /// Ended: the device could not use it.
    Rejected,
}

impl State {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 13] = [
        Self::Scheduled,
        Self::Accepted,
        Self::Sent,
        Self::Delivered,
        Self::Displayed,
        Self::Opened,
        Self::Dismissed,
        Self::Expired,
        Self::Superseded,
        Self::Recalled,
        Self::Filtered,
        Self::Left,
        Self::Rejected,
    ];

    /// The word that callers see.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Accepted => "accepted",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Recalled => "recalled",
            Self::Filtered => "filtered",
            Self::Left => "left",
            Self::Rejected => "rejected",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why the cursor passed an entry that the device did not store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Only known from the device's list after a lost connection: it did not store it.
    NotStored,
    /// Its expiry came first.
    Expired,
    /// A newer entry took its place.
    Superseded,
    /// It was recalled.
    Recalled,
    /// The device did not pass its filter.
    Filtered,
    /// The device had left its audience.
    Left,
    /// The device stored it as unusable.
    Rejected,
}

impl Ending {
    /// Every ending.
    pub const ALL: [Self; 7] =
        [Self::NotStored, Self::Expired, Self::Superseded, Self::Recalled, Self::Filtered, Self::Left, Self::Rejected];

    /// The word that a store keeps.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotStored => "not-stored",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
            Self::Recalled => "recalled",
            Self::Filtered => "filtered",
            Self::Left => "left",
            Self::Rejected => "rejected",
        }
    }
}

impl FromStr for Ending {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|ending| ending.as_str() == text).ok_or(())
    }
}

/// Positions that an acknowledgement covers although the device did not store them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exception {
    /// Which positions; those not addressed to the device mean nothing.
    pub seqs: Seqs,
    /// Why.
    pub ending: Ending,
}

/// One acknowledgement row: in `lane`, everything addressed to the device in `(from, to]` is stored, but for the exceptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acknowledgement {
    /// The lane.
    pub lane: Lane,
    /// The record that it extends.
    pub from: Seq,
    /// The record that it makes.
    pub to: Seq,
    /// What in between was not stored.
    pub exceptions: Vec<Exception>,
    /// When each entry that it settles was written to the device; what only a login's list tells has none.
    pub sent: Vec<(Seq, Timestamp)>,
    /// When it was received.
    pub at: Timestamp,
}

/// An acknowledgement row starts above the record: the row before it was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the acknowledgement does not extend the record")]
pub struct NotExtending;

impl Acknowledgement {
    /// The part of the row above what is `recorded`; none when all of it is recorded already. A login may have been told a record
    /// that the last rows of the session before it have moved since.
    ///
    /// # Errors
    /// [`NotExtending`] when something is missing between the record and the row (DESIGN rule 9), or the row goes backwards.
    pub fn above(self, recorded: Seq) -> Result<Option<Self>, NotExtending> {
        if recorded < self.from || self.to < self.from {
            return Err(NotExtending);
        }
        Ok((recorded < self.to).then_some(Self { from: recorded, ..self }))
    }
}

/// What a device reports of an entry (events are deduplicated by device, entry and type).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Handed to the screen.
    Displayed,
    /// Opened by a person.
    Opened,
    /// Dismissed by a person.
    Dismissed,
    /// Stored as unusable.
    Rejected,
    /// Stored for a user who left the device before it was shown.
    Left,
    /// Stored, and expired on the device before it was shown.
    Expired,
}

impl EventType {
    /// Every type.
    pub const ALL: [Self; 6] =
        [Self::Displayed, Self::Opened, Self::Dismissed, Self::Rejected, Self::Left, Self::Expired];

    /// The word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Displayed => "displayed",
            Self::Opened => "opened",
            Self::Dismissed => "dismissed",
            Self::Rejected => "rejected",
            Self::Left => "left",
            Self::Expired => "expired",
        }
    }
}

impl FromStr for EventType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

/// One event of a device about an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happened.
    pub kind: EventType,
    /// When, by the device.
    pub at: Timestamp,
    /// The reason of a rejection.
    pub reason: Option<String>,
}

/// Everything that decides the state of one notification on one device.
#[derive(Clone, Debug)]
pub struct Facts<'a> {
    /// The notification's entry.
    pub entry: &'a Entry,
    /// This instant.
    pub now: Timestamp,
    /// The acknowledgement row that covers the entry, if one does.
    pub acknowledgement: Option<&'a Acknowledgement>,
    /// When the device left the audience, if it has.
    pub left_at: Option<Timestamp>,
    /// When a newer entry of the same collapse key that the device is also given was accepted.
    pub superseded_at: Option<Timestamp>,
    /// When it was recalled.
    pub recalled_at: Option<Timestamp>,
    /// Whether the device has acknowledged the recall: what it showed is gone.
    pub has_recall: bool,
    /// When it was written to the device's present connection.
    pub sent_at: Option<Timestamp>,
    /// The device's own events about it.
    pub events: &'a [Event],
    /// Since when the device has no session; none while it has one, or when it never had one.
    pub offline_since: Option<Timestamp>,
    /// Whether it has a session now.
    pub is_online: bool,
}

/// The derived delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Where it stands.
    pub state: State,
    /// When each state on the way was reached, in the order of a life.
    pub at: Vec<(State, Timestamp)>,
    /// Why it waits, or why it ended as it did.
    pub cause: Option<String>,
}

/// Derives the state of a delivery.
#[must_use]
pub fn state(facts: &Facts<'_>) -> Delivery {
    let mut at = vec![(State::Accepted, facts.entry.created_at)];
    let seq = facts.entry.seq;
    let settled = facts.acknowledgement.and_then(|row| row.sent.iter().find(|(own, _)| *own == seq));
    at.extend(settled.map(|(_, sent)| *sent).or(facts.sent_at).map(|sent| (State::Sent, sent)));
    let ending = facts.acknowledgement.map(|row| (row.at, exception(row, seq)));
    let (state, cause) = match ending {
        Some((stored_at, None)) => delivered(facts, stored_at, &mut at),
        Some((passed_at, Some(ending))) => passed(facts, passed_at, ending, &mut at),
        None => pending(facts, &mut at),
    };
    Delivery { state, at, cause }
}

/// The exception of a row that names `seq`.
fn exception(row: &Acknowledgement, seq: Seq) -> Option<Ending> {
    row.exceptions.iter().find(|exception| exception.seqs.contains(seq)).map(|exception| exception.ending)
}

fn delivered(facts: &Facts<'_>, stored_at: Timestamp, at: &mut Vec<(State, Timestamp)>) -> (State, Option<String>) {
    if let Some(event) = facts.events.iter().find(|event| event.kind == EventType::Rejected) {
        at.push((State::Rejected, event.at));
        return (State::Rejected, event.reason.clone());
    }
    at.push((State::Delivered, stored_at));
    let mut reached = State::Delivered;
    for (kind, state) in [
        (EventType::Displayed, State::Displayed),
        (EventType::Opened, State::Opened),
        (EventType::Dismissed, State::Dismissed),
    ] {
        if let Some(event) = facts.events.iter().find(|event| event.kind == kind) {
            at.push((state, event.at));
            // Opened stays opened: dismissing what was opened tells nothing new.
            if reached != State::Opened {
                reached = state;
            }
        }
    }
    // What was shown stays shown.
    let left = facts.events.iter().find(|event| event.kind == EventType::Left && reached == State::Delivered);
    if let Some(event) = left {
        at.push((State::Left, event.at));
        return (State::Left, None);
    }
    at.extend(facts.recalled_at.map(|recalled| (State::Recalled, recalled)));
    match (facts.recalled_at, reached) {
        (Some(_), State::Delivered | State::Displayed) if facts.has_recall => (State::Recalled, None),
        (Some(_), State::Delivered | State::Displayed) => {
            (reached, Some("recalled; the device has not acknowledged that yet".to_owned()))
        }
        _ => (reached, None),
    }
}

fn passed(
    facts: &Facts<'_>,
    passed_at: Timestamp,
    ending: Ending,
    at: &mut Vec<(State, Timestamp)>,
) -> (State, Option<String>) {
    let state = match ending {
        Ending::Expired => State::Expired,
        Ending::Superseded => State::Superseded,
        Ending::Recalled => State::Recalled,
        Ending::Filtered => State::Filtered,
        Ending::Left => State::Left,
        Ending::Rejected => State::Rejected,
        Ending::NotStored => return not_stored(facts, passed_at, at),
    };
    at.push((state, ended_at(facts, state).unwrap_or(passed_at)));
    let reason = facts.events.iter().find_map(|event| event.reason.clone());
    (state, if state == State::Rejected { reason.or_else(|| Some("never acknowledged".to_owned())) } else { None })
}

/// The cursor passed it unstored, on a connection whose own account of it was lost: what ended it follows from the rest.
fn not_stored(facts: &Facts<'_>, passed_at: Timestamp, at: &mut Vec<(State, Timestamp)>) -> (State, Option<String>) {
    if let Some(ended) = ended(facts, passed_at, at) {
        return (ended, None);
    }
    let filtered = facts.entry.kind.content().is_some_and(|content| content.filter.is_some());
    let (state, cause) = if filtered {
        (State::Filtered, None)
    } else {
        (State::Rejected, Some("the device's cursor passed it without storing it".to_owned()))
    };
    at.push((state, passed_at));
    (state, cause)
}

fn pending(facts: &Facts<'_>, at: &mut Vec<(State, Timestamp)>) -> (State, Option<String>) {
    if let Some(ended) = ended(facts, facts.now, at) {
        return (ended, None);
    }
    if facts.sent_at.is_some() {
        return (State::Sent, Some("not acknowledged yet".to_owned()));
    }
    (State::Accepted, Some(delay(facts)))
}

/// Why nothing was written to the device yet.
fn delay(facts: &Facts<'_>) -> String {
    let background = facts.entry.kind.routing().is_some_and(|routing| routing.lane == Lane::Background);
    match (facts.is_online, facts.offline_since) {
        (true, _) if background => "background lane".to_owned(),
        (true, _) => "behind: being read from the log".to_owned(),
        (false, Some(since)) => format!("offline since {since}"),
        (false, None) => "never connected".to_owned(),
    }
}

/// What ended an entry that was not stored, judged at `judged`.
fn ended(facts: &Facts<'_>, judged: Timestamp, at: &mut Vec<(State, Timestamp)>) -> Option<State> {
    let state = [State::Recalled, State::Left, State::Superseded, State::Expired]
        .into_iter()
        .find(|&state| ended_at(facts, state).is_some_and(|ended| ended <= judged))?;
    at.extend(ended_at(facts, state).map(|ended| (state, ended)));
    Some(state)
}

fn ended_at(facts: &Facts<'_>, state: State) -> Option<Timestamp> {
    match state {
        State::Recalled => facts.recalled_at,
        State::Left => facts.left_at,
        State::Superseded => facts.superseded_at,
        State::Expired => facts.entry.kind.routing().map(|routing| routing.expires_at),
        State::Scheduled
        | State::Accepted
        | State::Sent
        | State::Delivered
        | State::Displayed
        | State::Opened
        | State::Dismissed
        | State::Filtered
        | State::Rejected => None,
    }
}

/// Where a notification stands as a whole, from its deliveries' counts: the least advanced that is still under way, else the least
/// advanced that arrived, else how it ended for most. Without an audience: recalled, expired, or accepted.
#[must_use]
pub fn overall(counts: &[(State, u64)], is_recalled: bool, is_expired: bool) -> State {
    let has = |state: &State| counts.iter().any(|(own, count)| own == state && *count > 0);
    let order = [
        State::Scheduled,
        State::Accepted,
        State::Sent,
        State::Delivered,
        State::Displayed,
        State::Opened,
        State::Dismissed,
    ];
    if let Some(state) = order.into_iter().find(|state| has(state)) {
        return state;
    }
    let most = counts.iter().filter(|(_, count)| *count > 0).max_by_key(|(_, count)| *count);
    match most {
        Some((state, _)) => *state,
        None if is_recalled => State::Recalled,
        None if is_expired => State::Expired,
        None => State::Accepted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::{Content, EntryKind, Routing};
    use crate::{AppId, AudienceKey, EntryId};

    fn entry() -> Entry {
        let routing = Routing {
            audience: vec![AudienceKey::all()].into(),
            lane: Lane::Normal,
            expires_at: Timestamp::from_millis(1_000),
        };
        let content = Content { routing, filter: None, collapse_key: None, payload: "{}".into() };
        Entry {
            app: AppId::DEFAULT,
            seq: 5,
            id: EntryId::from_bytes([7; 16]),
            created_at: Timestamp::from_millis(10),
            kind: EntryKind::Notification(content),
        }
    }

    fn facts(entry: &Entry) -> Facts<'_> {
        Facts {
            entry,
            now: Timestamp::from_millis(500),
            acknowledgement: None,
            left_at: None,
            superseded_at: None,
            recalled_at: None,
            has_recall: false,
            sent_at: None,
            events: &[],
            offline_since: Some(Timestamp::from_millis(3)),
            is_online: false,
        }
    }

    fn row(exceptions: Vec<Exception>) -> Acknowledgement {
        let at = Timestamp::from_millis(40);
        Acknowledgement {
            lane: Lane::Normal,
            from: 4,
            to: 9,
            exceptions,
            sent: vec![(5, Timestamp::from_millis(30))],
            at,
        }
    }

    #[test]
    fn pending_says_why() {
        let entry = entry();
        let waiting = state(&facts(&entry));
        assert_eq!(waiting.state, State::Accepted);
        assert_eq!(waiting.cause.as_deref(), Some("offline since 1970-01-01T00:00:00.003Z"));
        let late = Facts { now: Timestamp::from_millis(1_000), ..facts(&entry) };
        assert_eq!(state(&late).state, State::Expired);
    }

    #[test]
    fn a_covering_row_delivers_unless_it_names_an_exception() {
        let entry = entry();
        let stored = row(Vec::new());
        let delivery = state(&Facts { acknowledgement: Some(&stored), ..facts(&entry) });
        assert_eq!(delivery.state, State::Delivered);
        assert_eq!(delivery.at.last(), Some(&(State::Delivered, Timestamp::from_millis(40))));
        let mut seqs = Seqs::default();
        seqs.push(5, 5);
        let filtered = row(vec![Exception { seqs, ending: Ending::Filtered }]);
        assert_eq!(state(&Facts { acknowledgement: Some(&filtered), ..facts(&entry) }).state, State::Filtered);
    }

    #[test]
    fn what_was_shown_is_recalled_once_the_device_has_the_recall() {
        let entry = entry();
        let stored = row(Vec::new());
        let recalled_at = Some(Timestamp::from_millis(90));
        let of = |has_recall, events| {
            state(&Facts { acknowledgement: Some(&stored), recalled_at, has_recall, events, ..facts(&entry) })
        };
        assert_eq!(of(false, &[]).state, State::Delivered);
        assert!(of(false, &[]).cause.is_some_and(|cause| cause.starts_with("recalled")));
        assert_eq!(of(true, &[]).state, State::Recalled);
        let opened = [Event { kind: EventType::Opened, at: Timestamp::from_millis(60), reason: None }];
        assert_eq!(of(true, &opened).state, State::Opened, "what a person has seen stays seen");
    }

    #[test]
    fn a_row_extends_the_record_or_is_clipped_to_what_is_above_it() {
        let clipped = |recorded| row(Vec::new()).above(recorded).map(|row| row.map(|row| (row.from, row.to)));
        assert_eq!(clipped(3), Err(NotExtending), "a row between was lost");
        assert_eq!(clipped(4), Ok(Some((4, 9))));
        assert_eq!(clipped(8), Ok(Some((8, 9))));
        assert_eq!(clipped(9), Ok(None));
        assert_eq!(Acknowledgement { to: 3, ..row(Vec::new()) }.above(7), Err(NotExtending));
    }

    #[test]
    fn events_carry_a_delivery_on() {
        let entry = entry();
        let stored = row(Vec::new());
        let event = |kind, at| Event { kind, at: Timestamp::from_millis(at), reason: None };
        let events = [event(EventType::Displayed, 50), event(EventType::Opened, 60), event(EventType::Dismissed, 70)];
        let delivery = state(&Facts { acknowledgement: Some(&stored), events: &events, ..facts(&entry) });
        assert_eq!(delivery.state, State::Opened);
        assert_eq!(delivery.at.len(), 6);
    }

    #[test]
    fn what_the_device_dropped_with_its_user_has_left() {
        let entry = entry();
        let stored = row(Vec::new());
        let event = |kind, at| Event { kind, at: Timestamp::from_millis(at), reason: None };
        let of = |events: &[Event]| state(&Facts { acknowledgement: Some(&stored), events, ..facts(&entry) });
        let left = of(&[event(EventType::Left, 50)]);
        let at = |state, at| (state, Timestamp::from_millis(at));
        assert_eq!((left.state, left.cause), (State::Left, None));
        assert!(left.at.ends_with(&[at(State::Delivered, 40), at(State::Left, 50)]), "{:?}", left.at);
        let shown = of(&[event(EventType::Displayed, 45), event(EventType::Left, 50)]);
        assert_eq!(shown.state, State::Displayed, "what was shown stays shown");
        assert_eq!("left".parse(), Ok(EventType::Left));
    }

    #[test]
    fn the_whole_is_as_far_as_its_slowest_delivery() {
        assert_eq!(overall(&[(State::Displayed, 3), (State::Accepted, 1)], false, false), State::Accepted);
        assert_eq!(overall(&[(State::Displayed, 3), (State::Expired, 9)], false, true), State::Displayed);
        assert_eq!(overall(&[(State::Recalled, 2), (State::Left, 1)], true, false), State::Recalled);
        assert_eq!(overall(&[], false, true), State::Expired);
    }
}
