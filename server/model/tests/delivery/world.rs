//! Facts of one notification on one device, to be changed by a case.

use longwire_model::delivery::{
    Acknowledgement, Delivery, Ending, Event, EventType, Exception, Facts, Present, Sent, Superseded, state,
};
use longwire_model::entry::{Content, EntryKind, Routing};
use longwire_model::{AppId, AudienceKey, Entry, EntryId, Lane, Seq, Seqs, Session, SessionEnd, Timestamp};

/// The position of the notification.
pub(crate) const SEQ: Seq = 5;

pub(crate) const fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

/// Accepted at ten seconds, expires at a thousand, looked at after a hundred.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) entry: Entry,
    pub(crate) now: Timestamp,
    pub(crate) rows: Vec<Acknowledgement>,
    pub(crate) is_filtered: bool,
    pub(crate) left_at: Option<Timestamp>,
    pub(crate) superseded: Option<Superseded>,
    pub(crate) recalled_at: Option<Timestamp>,
    pub(crate) has_recall: bool,
    pub(crate) events: Vec<Event>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) present: Option<Present>,
}

impl World {
    pub(crate) fn new(lane: Lane, filter: Option<&str>) -> Self {
        let routing = Routing { audience: [AudienceKey::all()].into(), lane, expires_at: at(1_000_000) };
        let filter = filter.map(|text| text.parse().expect("a filter"));
        let content = Content { routing, filter, collapse_key: None, payload: "{}".into() };
        let entry = Entry {
            app: AppId::DEFAULT,
            seq: SEQ,
            id: EntryId::from_bytes([7; 16]),
            created_at: at(10_000),
            kind: EntryKind::Notification(content),
        };
        Self {
            entry,
            now: at(100_000),
            rows: Vec::new(),
            is_filtered: false,
            left_at: None,
            superseded: None,
            recalled_at: None,
            has_recall: false,
            events: Vec::new(),
            sessions: Vec::new(),
            present: None,
        }
    }

    pub(crate) fn normal() -> Self {
        Self::new(Lane::Normal, None)
    }

    pub(crate) fn told(&self) -> Delivery {
        state(&Facts {
            entry: &self.entry,
            now: self.now,
            acknowledgements: &self.rows,
            is_filtered: self.is_filtered,
            left_at: self.left_at,
            superseded: self.superseded,
            recalled_at: self.recalled_at,
            has_recall: self.has_recall,
            events: &self.events,
            sessions: &self.sessions,
            present: self.present,
        })
    }

    /// A session that ended in this way.
    pub(crate) fn had(mut self, began: i64, ended: i64, end: SessionEnd) -> Self {
        self.sessions.push(session(began, ended, end));
        self
    }

    /// Online since then, heard of just now.
    pub(crate) fn online(mut self, began: i64) -> Self {
        self.present = Some(Present { began_at: at(began), heard_at: self.now, next_contact: None, progress: None });
        self
    }

    /// Acknowledged then, and written before, if that is known.
    pub(crate) fn stored(mut self, instant: i64, sent: Option<i64>) -> Self {
        self.rows.push(row(instant, sent, None));
        self
    }

    pub(crate) fn passed(mut self, instant: i64, ending: Ending) -> Self {
        self.rows.push(row(instant, None, Some(ending)));
        self
    }

    pub(crate) fn event(mut self, kind: EventType, instant: i64) -> Self {
        self.events.push(Event { kind, at: at(instant), reason: None });
        self
    }
}

pub(crate) const fn session(began: i64, ended: i64, end: SessionEnd) -> Session {
    Session { began_at: at(began), heard_at: at(began), ended_at: at(ended), end, resumed_at: None, rest: None }
}

pub(crate) fn row(instant: i64, sent: Option<i64>, ending: Option<Ending>) -> Acknowledgement {
    let mut seqs = Seqs::default();
    seqs.push(SEQ, SEQ);
    Acknowledgement {
        lane: Lane::Normal,
        from: SEQ - 1,
        to: SEQ + 4,
        exceptions: ending.map(|ending| Exception { seqs, ending }).into_iter().collect(),
        sent: sent.map(|sent| Sent { seq: SEQ, at: at(sent), hold: None }).into_iter().collect(),
        at: at(instant),
    }
}
