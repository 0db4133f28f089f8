//! What a worker keeps of one connection; next to nothing while it is idle.

use std::collections::VecDeque;

use longwire_c2s::{Event, IssuedToken, Stream};
use longwire_core::session_manager::{EndReason, Proven, Session};
use longwire_protocol::jid::FullJid;
use longwire_protocol::{Element, Jid};

use crate::budget::Budget;
use crate::host::Transport;

/// Bytes that a connection may owe its client before nothing more is read from it.
const PAUSE_BYTES: usize = 64 * 1024;

/// A connection in its slot.
pub(crate) struct Connection<T> {
    /// Tells it from others in the same slot.
    pub(crate) number: u64,
    pub(crate) transport: T,
    pub(crate) stream: Stream,
    pub(crate) session: Option<Box<SessionState>>,
    /// The timer that is set: its stamp, and for when.
    pub(crate) timer: Option<(u32, u64)>,
    pub(crate) halted: Option<Box<Halted>>,
    /// When its credentials were looked at.
    pub(crate) proven: Proven,
    pub(crate) flags: Flags,
}

/// What a connection has only while it stands still, in either direction.
#[derive(Default)]
pub(crate) struct Halted {
    /// Input that came while the stream waited for an answer: at most what one read gave.
    held: Vec<u8>,
    /// Since when the client takes nothing of what it is owed.
    blocked_since_ms: Option<u64>,
    /// Closing: until when the client may take its time to close too.
    linger_until_ms: Option<u64>,
}

/// A question that is asked again later.
pub(crate) struct PutOff {
    pub(crate) question: Event,
    /// When it was first asked (monotonic ms).
    pub(crate) since_ms: u64,
    pub(crate) due_ms: u64,
}

/// What is true of a connection.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    /// It counts among the connections before login.
    pub(crate) is_counted: bool,
    /// It counts among the sessions of its address.
    pub(crate) may_bind: bool,
    /// It is told that there are too many of its kind as soon as anything can be said.
    pub(crate) is_refused: bool,
    /// There may be more to read than was read.
    pub(crate) may_read: bool,
    /// Nothing more is written: the closing of its half was said.
    pub(crate) is_finished: bool,
    /// It is among those to be flushed.
    pub(crate) is_dirty: bool,
}

/// What waits behind a stanza that is being handled.
pub(crate) enum Queued {
    /// A stanza to handle.
    Stanza(Element),
    /// The answer to one that the stream itself has refused.
    Answer(Element),
}

/// A session, from the request to bind it.
pub(crate) struct SessionState {
    pub(crate) session: Session,
    /// Its full JID, from when it is listed until its stream has it.
    pub(crate) jid: Option<Box<FullJid>>,
    /// Seconds of silence that its device promises; push sessions only.
    pub(crate) heartbeat_s: Option<u32>,
    pub(crate) is_push: bool,
    /// Goes out with the answer to the login.
    pub(crate) token: Option<Box<IssuedToken>>,
    /// A stanza is being handled; later ones wait, so that they are handled in order.
    pub(crate) is_busy: bool,
    waiting: Option<Box<Waiting>>,
    /// The stream is bound: the session is counted.
    pub(crate) is_bound: bool,
    /// What it has sent lately.
    pub(crate) budget: Budget,
}

/// What a session has only while it waits for something.
#[derive(Default)]
struct Waiting {
    /// What came behind the stanza that is being handled.
    backlog: VecDeque<Queued>,
    /// Its end was asked for while a stanza was being handled.
    end_after: Option<EndReason>,
    /// It has sent more than it may: until when nothing is read from it.
    paused_until_ms: Option<u64>,
}

impl<T: Transport> Connection<T> {
    /// Whether nothing can be taken from it for now.
    pub(crate) fn must_wait(&self) -> bool {
        self.stream.is_waiting()
            || self.session.as_ref().is_some_and(|state| state.is_busy || state.paused_until_ms().is_some())
            || self.transport.unsent_bytes() > PAUSE_BYTES
    }

    /// The address that a session's stanzas are sent to.
    pub(crate) fn address(&self) -> Option<Jid> {
        self.stream.jid().cloned().map(Jid::from)
    }

    /// Whether new input has to wait, also behind what is held.
    pub(crate) fn is_paused(&self) -> bool {
        self.must_wait() || self.has_held() || self.session.as_ref().is_some_and(|state| state.has_backlog())
    }
}

impl<T> Connection<T> {
    /// Whether input waits for the stream.
    pub(crate) fn has_held(&self) -> bool {
        self.halted.as_ref().is_some_and(|halted| !halted.held.is_empty())
    }

    /// Input waits for the stream, which has none waiting.
    pub(crate) fn hold(&mut self, input: &[u8]) {
        self.halted.get_or_insert_default().held = input.to_vec();
    }

    /// Takes out the input that waited.
    pub(crate) fn take_held(&mut self) -> Vec<u8> {
        self.take(|halted| std::mem::take(&mut halted.held)).unwrap_or_default()
    }

    /// Since when the client takes nothing of what it is owed (monotonic ms).
    pub(crate) fn blocked_since_ms(&self) -> Option<u64> {
        self.halted.as_ref()?.blocked_since_ms
    }

    /// The client takes nothing more, as from now on.
    pub(crate) fn block(&mut self, now_ms: u64) {
        self.halted.get_or_insert_default().blocked_since_ms = Some(now_ms);
    }

    /// The client has taken everything.
    pub(crate) fn unblock(&mut self) {
        self.take(|halted| halted.blocked_since_ms.take());
    }

    /// Closing: until when the client may take its time to close too (monotonic ms).
    pub(crate) fn linger_until_ms(&self) -> Option<u64> {
        self.halted.as_ref()?.linger_until_ms
    }

    /// It closes, and the client may take its time until then; what it has said and was not looked at is dropped.
    pub(crate) fn linger(&mut self, until_ms: u64) {
        let halted = self.halted.get_or_insert_default();
        halted.held = Vec::new();
        halted.linger_until_ms = Some(until_ms);
    }

    /// Takes something out; the memory goes with the last of it.
    fn take<V>(&mut self, take: impl FnOnce(&mut Halted) -> V) -> Option<V> {
        let halted = self.halted.as_deref_mut()?;
        let taken = take(halted);
        if halted.held.is_empty() && halted.blocked_since_ms.is_none() && halted.linger_until_ms.is_none() {
            self.halted = None;
        }
        Some(taken)
    }
}

impl SessionState {
    /// Whether earlier stanzas have not been answered yet.
    pub(crate) fn is_answering(&self) -> bool {
        self.is_busy || self.has_backlog()
    }

    pub(crate) fn new(session: Session, is_push: bool, heartbeat_s: Option<u32>) -> Self {
        Self {
            session,
            jid: None,
            heartbeat_s,
            is_push,
            token: None,
            is_busy: false,
            waiting: None,
            is_bound: false,
            budget: Budget::default(),
        }
    }

    /// Whether stanzas wait to be handled.
    pub(crate) fn has_backlog(&self) -> bool {
        self.waiting.as_ref().is_some_and(|waiting| !waiting.backlog.is_empty())
    }

    /// Adds one that waits.
    pub(crate) fn queue(&mut self, queued: Queued) {
        self.waiting.get_or_insert_default().backlog.push_back(queued);
    }

    /// Takes out the stanza that is handled next.
    pub(crate) fn next_queued(&mut self) -> Option<Queued> {
        self.take(|waiting| waiting.backlog.pop_front())
    }

    /// It is to end behind the stanza that is being handled.
    pub(crate) fn end_after(&mut self, reason: EndReason) {
        self.waiting.get_or_insert_default().end_after = Some(reason);
    }

    /// Takes out why it is to end now that the stanza is handled.
    pub(crate) fn take_end(&mut self) -> Option<EndReason> {
        self.take(|waiting| waiting.end_after.take())
    }

    /// Nothing is read from it until then (monotonic ms).
    pub(crate) fn pause(&mut self, until_ms: u64) {
        self.waiting.get_or_insert_default().paused_until_ms = Some(until_ms);
    }

    /// Until when nothing is read from it (monotonic ms).
    pub(crate) fn paused_until_ms(&self) -> Option<u64> {
        self.waiting.as_ref()?.paused_until_ms
    }

    /// Whether a pause is over with this.
    pub(crate) fn end_pause(&mut self, now_ms: u64) -> bool {
        self.take(|waiting| waiting.paused_until_ms.take_if(|until_ms| *until_ms <= now_ms)).is_some()
    }

    /// Takes something out of what waits; the memory goes with the last of it.
    fn take<T>(&mut self, take: impl FnOnce(&mut Waiting) -> Option<T>) -> Option<T> {
        let waiting = self.waiting.as_deref_mut()?;
        let taken = take(waiting);
        if waiting.backlog.is_empty() && waiting.end_after.is_none() && waiting.paused_until_ms.is_none() {
            self.waiting = None;
        }
        taken
    }
}
