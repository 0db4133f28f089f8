//! A shard: its sessions, the index from audience keys to them, and the entries since memory serves.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::Arc;

use longwire_model::delivery::{Hold, Progress};
use longwire_model::device::Attempts;
use longwire_model::{AppId, AudienceKey, DeviceId, Entry, GenerationId, Lane, Rest, Seq, Seqs, Timestamp};

use crate::bind::Bind;
use crate::output::{CloseReason, Output};
use crate::recent::Recent;
use crate::session::Session;
use crate::{ANSWER_MS, ATTEMPTS_MAX, STALL_MS};

/// The driver's name of a session; never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

/// Session keys are the driver's own and not a client's to choose: they need no random hash, and sessions are gone through in the same
/// order in every run.
pub(crate) type SameEveryRun = BuildHasherDefault<DefaultHasher>;

/// This instant, on both clocks.
#[derive(Clone, Copy, Debug, Default)]
pub struct Now {
    /// Milliseconds of a monotonic clock: for waits.
    pub mono_ms: u64,
    /// The wall clock: for expiry.
    pub wall: Timestamp,
}

/// One committed group, announced once and in order.
#[derive(Clone, Debug)]
pub struct Batch {
    /// The newest generation.
    pub generation: GenerationId,
    /// The position before the first entry.
    pub from: Seq,
    /// The entries: dense, ascending.
    pub entries: Arc<[Arc<Entry>]>,
}

/// What a device acknowledges.
#[derive(Clone, Debug, Default)]
pub struct Stated {
    /// In the normal lane, stored up to here.
    pub normal: Option<Seq>,
    /// In the background lane, stored up to here.
    pub background: Option<Seq>,
    /// What it stored between the recorded and the effective cursors; with the first acknowledgement after a login.
    pub stored: Option<Seqs>,
}

/// An acknowledgement that breaks the protocol: the session is to be closed with `policy-violation`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// Above what it was sent.
    #[error("an acknowledgement above what was sent")]
    AboveSent,
    /// The first acknowledgement must list what was stored above the recorded cursor.
    #[error("the first acknowledgement after this login must say what is stored")]
    StoredMissing,
}

/// What happened since it was last asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Per acknowledged entry, milliseconds from its acceptance.
    pub acknowledged_ms: Vec<u64>,
}

/// What a session leaves behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unbound {
    /// Its device.
    pub device: DeviceId,
    /// Of a client without our extension, when they changed: the attempts to note.
    pub attempts: Option<Attempts>,
    /// What it had written or held back, and what was not acknowledged of that.
    pub rest: Rest,
}

/// The sessions of one app on one worker.
#[derive(Debug)]
pub struct Shard {
    pub(crate) app: AppId,
    pub(crate) generation: GenerationId,
    pub(crate) watermark: Seq,
    pub(crate) recent: Recent,
    /// Each in memory of its own: a table of keys has up to twice the places that are taken.
    pub(crate) sessions: HashMap<SessionKey, Box<Session>, SameEveryRun>,
    pub(crate) by_device: HashMap<DeviceId, SessionKey>,
    /// Sessions by user, topic and tag, open or left; `device:` and `all` need no index.
    pub(crate) by_key: HashMap<AudienceKey, HashSet<SessionKey, SameEveryRun>>,
    pub(crate) parked: Vec<Bind>,
    pub(crate) stats: Stats,
}

impl Shard {
    /// An empty shard that has seen the log up to `watermark`.
    #[must_use]
    pub fn new(app: AppId, generation: GenerationId, watermark: Seq) -> Self {
        Self {
            app,
            generation,
            watermark,
            recent: Recent::new(watermark),
            sessions: HashMap::default(),
            by_device: HashMap::new(),
            by_key: HashMap::new(),
            parked: Vec::new(),
            stats: Stats::default(),
        }
    }

    /// Up to where this shard has seen the log without a gap.
    #[must_use]
    pub const fn watermark(&self) -> Seq {
        self.watermark
    }

    /// How many sessions are bound.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether no session is bound.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// The session of a device, and how far the entry at `seq` of `lane` has come on it.
    #[must_use]
    pub fn progress(&self, device: DeviceId, lane: Lane, seq: Seq) -> Option<(SessionKey, Progress)> {
        let key = *self.by_device.get(&device)?;
        Some((key, self.sessions.get(&key)?.progress(lane, seq)))
    }

    /// What happened since the last call.
    pub fn take_stats(&mut self) -> Stats {
        std::mem::take(&mut self.stats)
    }

    /// Entries sent and not acknowledged, over all sessions; looks at each.
    #[must_use]
    pub fn unacknowledged(&self) -> usize {
        self.sessions.values().map(|session| session.unacknowledged()).sum()
    }

    /// The first instant (monotonic ms) at which [`Shard::timeout`] has something to do for this session.
    #[must_use]
    pub fn poll_timeout(&self, key: SessionKey, now: Now) -> Option<u64> {
        let seldom = self.sessions.get(&key)?.seldom();
        let stall = seldom.full_since_ms.map(|since| since.saturating_add(STALL_MS));
        let flush = seldom.flush_by.map(|at| {
            let wait = at.millis_since(now.wall).max(0);
            now.mono_ms.saturating_add(wait.unsigned_abs())
        });
        let answer = seldom.unanswered_since_ms.map(|since| since.saturating_add(ANSWER_MS));
        let quiet = seldom.quiet_until_ms.filter(|until| *until != u64::MAX);
        [stall, answer, flush, quiet].into_iter().flatten().min()
    }

    /// Something was due: a full window or a ping that nobody answered, or background entries about to expire.
    pub fn timeout(&mut self, key: SessionKey, now: Now, out: &mut Vec<Output>) {
        let Some(seldom) = self.sessions.get(&key).map(|session| session.seldom()) else { return };
        let is_over =
            |since: Option<u64>, limit_ms| since.is_some_and(|since| now.mono_ms >= since.saturating_add(limit_ms));
        if is_over(seldom.full_since_ms, STALL_MS) || is_over(seldom.unanswered_since_ms, ANSWER_MS) {
            out.push(Output::Close(key, CloseReason::Stalled));
            return;
        }
        if seldom.flush_by.is_some_and(|at| at <= now.wall) {
            self.flush(key, now, out);
        }
        self.speak(key, now, out);
    }

    /// Sends nothing more to a session until it is resumed; what it was sent it may still acknowledge.
    pub fn pause(&mut self, key: SessionKey) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        session.seldom_mut().quiet_until_ms = Some(u64::MAX);
        for lane in Lane::ALL {
            let position = session.lane(lane).position().unwrap_or(self.watermark);
            session.fall_behind(lane, position, Hold::CatchUp);
        }
    }

    /// Goes on with a session that was paused; whether there is one.
    pub fn resume(&mut self, key: SessionKey, now: Now, out: &mut Vec<Output>) -> bool {
        let Some(session) = self.sessions.get_mut(&key) else { return false };
        session.seldom_mut().quiet_until_ms = Some(now.mono_ms);
        self.speak(key, now, out);
        true
    }

    /// What was kept back while the session was to be left in peace.
    fn speak(&mut self, key: SessionKey, now: Now, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        if session.is_quiet(now) || session.seldom().quiet_until_ms.is_none() {
            return;
        }
        session.clear_seldom(|seldom| seldom.quiet_until_ms = None);
        for lane in Lane::ALL {
            self.catch_up(key, lane, now, out);
        }
        self.probe(key, out);
    }

    /// Anything was received from the session.
    pub fn heard(&mut self, key: SessionKey) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.heard_since_sent |= session.unacknowledged() > 0;
        }
    }

    /// A heartbeat: the radio is awake, so background entries and owed cursors go now.
    pub fn heartbeat(&mut self, key: SessionKey, now: Now, out: &mut Vec<Output>) {
        self.flush(key, now, out);
        for lane in Lane::ALL {
            self.tell_owed(key, lane, now, out);
        }
    }

    pub(crate) fn flush(&mut self, key: SessionKey, now: Now, out: &mut Vec<Output>) {
        if let Some(session) = self.sessions.get_mut(&key) {
            session.flushing = true;
            session.clear_seldom(|seldom| seldom.flush_by = None);
            self.catch_up(key, Lane::Background, now, out);
            self.probe(key, out);
        }
    }

    /// Ends a session; what it had not acknowledged stays in the log.
    pub fn unbind(&mut self, key: SessionKey) -> Option<Unbound> {
        self.parked.retain(|bind| bind.session != key);
        let session = self.sessions.remove(&key)?;
        if self.by_device.get(&session.device()) == Some(&key) {
            self.by_device.remove(&session.device());
        }
        for own in session.memberships.shared() {
            if let Some(holders) = self.by_key.get_mut(&own.key) {
                holders.remove(&key);
                if holders.is_empty() {
                    self.by_key.remove(&own.key);
                }
            }
        }
        Some(Unbound { device: session.device(), attempts: attempts(&session), rest: session.rest() })
    }

    pub(crate) fn insert(&mut self, key: SessionKey, session: Session) {
        self.by_device.insert(session.device(), key);
        for own in session.memberships.shared() {
            self.index(key, &own.key);
        }
        self.sessions.insert(key, Box::new(session));
    }

    pub(crate) fn index(&mut self, session: SessionKey, key: &AudienceKey) {
        if key.is_shared() {
            self.by_key.entry(key.clone()).or_default().insert(session);
        }
    }

    /// Pings a client without our extension behind what was just sent to it.
    pub(crate) fn probe(&mut self, key: SessionKey, out: &mut Vec<Output>) {
        let Some(session) = self.sessions.get_mut(&key) else { return };
        if std::mem::take(&mut session.probe_due) {
            out.push(session.probe(key));
        }
    }
}

/// Counts a session that saw its oldest entry, said something after it, and did not acknowledge it (DESIGN rule 10).
fn attempts(session: &Session) -> Option<Attempts> {
    let seq = session.oldest_unacknowledged()?;
    if session.kind.is_push() || !session.heard_since_sent {
        return None;
    }
    let before =
        session.seldom().attempts.filter(|attempts| attempts.seq == seq).map_or(0, |attempts| attempts.sessions);
    Some(Attempts { seq, sessions: before.saturating_add(1).min(ATTEMPTS_MAX) })
}
