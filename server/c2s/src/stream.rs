//! One stream from its first byte to its last: dispatches to the phase it is in.

use std::sync::Arc;

use longwire_protocol::jid::FullJid;
use longwire_protocol::stream::{CLOSE, StreamCondition, StreamError};

use crate::bound::Bound;
use crate::negotiation::{Negotiation, Progress};
use crate::{Action, Answer, Config, Event, Outbox};

/// The server half of one XMPP stream.
pub struct Stream {
    phase: Phase,
}

enum Phase {
    Negotiating(Box<Negotiation>),
    Bound(Box<Bound>),
    Closed,
}

/// What a timeout is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The client has not opened its stream, or not finished the TLS handshake.
    Header,
    /// The client has not bound a session.
    Negotiation,
    /// A push session was silent for twice its promised heartbeat.
    Heartbeat,
    /// Another session was silent: it is pinged.
    Silence,
    /// It has not answered the ping.
    PingAnswer,
}

impl Stream {
    /// A stream on a connection that was accepted now. `seed` is fresh randomness: ids and nonces are derived from it.
    #[must_use]
    pub fn new(config: Arc<Config>, seed: [u8; 32], now_ms: u64) -> Self {
        Self { phase: Phase::Negotiating(Box::new(Negotiation::new(config, seed, now_ms))) }
    }

    /// The connection is TLS from here on: directly, or after [`Action::StartTls`]. `exporter` is the `tls-exporter` channel
    /// binding (RFC 9266), if there is one.
    pub fn handle_tls(&mut self, exporter: Option<[u8; 32]>, now_ms: u64) {
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            negotiation.handle_tls(exporter, now_ms);
        }
    }

    /// Takes bytes from the client and gives how many were taken. The rest is to be given again after the answer to the question that
    /// is among the events; until then the driver reads no more.
    pub fn handle_input(&mut self, input: &[u8], now_ms: u64, out: &mut Outbox) -> usize {
        let mut rest = input;
        loop {
            let before = rest.len();
            match &mut self.phase {
                Phase::Negotiating(negotiation) => {
                    let progress = negotiation.handle_input(&mut rest, now_ms, out);
                    self.apply(progress, out);
                }
                Phase::Bound(bound) => {
                    let result = bound.handle_input(&mut rest, now_ms, out);
                    self.settle(result, out);
                }
                Phase::Closed => return input.len(),
            }
            if rest.is_empty() || rest.len() == before || self.is_waiting() {
                return input.len() - rest.len();
            }
        }
    }

    /// Takes the answer to the question that the stream waits for; an answer that it does not wait for is ignored.
    pub fn handle_answer(&mut self, answer: Answer, now_ms: u64, out: &mut Outbox) {
        if let Phase::Negotiating(negotiation) = &mut self.phase {
            let progress = negotiation.handle_answer(answer, now_ms, out);
            self.apply(progress, out);
        }
    }

    /// Does what is due at `now_ms`.
    pub fn handle_timeout(&mut self, now_ms: u64, out: &mut Outbox) {
        let Some((due_ms, reason)) = self.poll_timeout() else { return };
        if due_ms > now_ms {
            return;
        }
        match (&mut self.phase, reason) {
            (Phase::Bound(bound), Reason::Silence) => bound.ping(now_ms, out),
            (Phase::Negotiating(_) | Phase::Bound(_) | Phase::Closed, _) => {
                self.close(&StreamCondition::ConnectionTimeout.into(), out);
            }
        }
    }

    /// When `handle_timeout` wants to be called, and what for.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(u64, Reason)> {
        match &self.phase {
            Phase::Negotiating(negotiation) => Some(negotiation.poll_timeout()),
            Phase::Bound(bound) => Some(bound.poll_timeout()),
            Phase::Closed => None,
        }
    }

    /// Ends the stream with an error. During a TLS handshake nothing can be said, and the connection is just closed.
    pub fn close(&mut self, error: &StreamError, out: &mut Outbox) {
        match &mut self.phase {
            Phase::Negotiating(negotiation) => negotiation.write_error(error, out),
            Phase::Bound(_) => error.write_and_close(&mut out.bytes),
            Phase::Closed => return,
        }
        self.finish(Some(error.condition), out);
    }

    /// Whether an answer is awaited; no input is taken meanwhile.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(&self.phase, Phase::Negotiating(negotiation) if negotiation.is_waiting())
    }

    /// Whether a session is bound.
    #[must_use]
    pub const fn is_bound(&self) -> bool {
        matches!(self.phase, Phase::Bound(_))
    }

    /// The address of its session, once it is bound.
    #[must_use]
    pub const fn jid(&self) -> Option<&FullJid> {
        match &self.phase {
            Phase::Bound(bound) => Some(bound.jid()),
            Phase::Negotiating(_) | Phase::Closed => None,
        }
    }

    /// Whether the stream is over.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    /// Bytes held of a stanza that was cut in two.
    #[must_use]
    pub fn carry_bytes(&self) -> usize {
        match &self.phase {
            Phase::Negotiating(negotiation) => negotiation.carry_bytes(),
            Phase::Bound(bound) => bound.carry_bytes(),
            Phase::Closed => 0,
        }
    }

    fn apply(&mut self, progress: Result<Progress, StreamError>, out: &mut Outbox) {
        match progress {
            Ok(Progress::Going) => {}
            Ok(Progress::Bound(bound)) => self.phase = Phase::Bound(bound),
            Ok(Progress::Closed) => self.answer_close(out),
            Err(error) => self.close(&error, out),
        }
    }

    fn settle(&mut self, result: Result<bool, StreamError>, out: &mut Outbox) {
        match result {
            Ok(false) => {}
            Ok(true) => self.answer_close(out),
            Err(error) => self.close(&error, out),
        }
    }

    /// The client has closed its half (RFC 6120 §4.4).
    fn answer_close(&mut self, out: &mut Outbox) {
        out.bytes.extend_from_slice(CLOSE);
        self.finish(None, out);
    }

    fn finish(&mut self, condition: Option<StreamCondition>, out: &mut Outbox) {
        self.phase = Phase::Closed;
        out.action = Some(Action::Close);
        out.events.push(Event::Closed(condition));
    }
}
