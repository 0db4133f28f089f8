//! Reading, timers, and what streams tell.

use core::net::IpAddr;

use longwire_c2s::{Action, Event, LoginFailure};
use longwire_core::shown::shown;
use longwire_protocol::Element;
use longwire_protocol::stream::{StreamCondition, StreamError};

use crate::budget::STANZA_BYTES;
use crate::connection::Queued;
use crate::host::{Gone, Host, Read, Transport};
use crate::session::session_end;
use crate::worker::Worker;

/// Reads of one connection in a row, so that the others have their turn.
const READS_MAX: usize = 4;

impl<H: Host> Worker<H> {
    /// Reads until the socket has nothing more, the stream must wait, or others have to have their turn.
    pub(crate) fn handle_readable(&mut self, slot: usize, is_read_closed: bool) {
        let mut buffer = std::mem::take(&mut self.buffer);
        for _ in 0..READS_MAX {
            if !self.read_once(slot, is_read_closed, &mut buffer) {
                self.buffer = buffer;
                return;
            }
        }
        self.buffer = buffer;
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.flags.may_read = true;
            self.ready.push(slot);
        }
    }

    /// Whether to read again.
    fn read_once(&mut self, slot: usize, is_read_closed: bool, buffer: &mut [u8]) -> bool {
        let Some(connection) = self.connections.get_mut(slot) else { return false };
        if connection.linger_until_ms().is_none() && connection.is_paused() {
            connection.flags.may_read = true;
            return false;
        }
        connection.flags.may_read = false;
        match connection.transport.read(buffer) {
            Err(Gone) => {
                self.remove(slot);
                false
            }
            Ok(Read::Blocked) => {
                self.touched.push(slot);
                false
            }
            Ok(Read::Secured(exporter)) => {
                connection.stream.handle_tls(exporter, self.now.mono_ms);
                self.touched.push(slot);
                self.refuse_if_told(slot);
                true
            }
            Ok(Read::Bytes(_)) if connection.linger_until_ms().is_some() => true,
            Ok(Read::Bytes(count)) => {
                self.spend(slot, count);
                let Some(connection) = self.connections.get_mut(slot) else { return false };
                let may_leave_more = connection.transport.may_leave_more();
                self.take_input(slot, buffer.get(..count).unwrap_or_default());
                // A short read has emptied the socket; the end of the stream would have been among the events.
                may_leave_more || count == buffer.len() || is_read_closed
            }
        }
    }

    /// A session has sent so many bytes: above its rate nothing more is taken from it for a while.
    fn spend(&mut self, slot: usize, bytes: usize) {
        let (per_s, now_ms) = (self.session_bytes_per_s, self.now.mono_ms);
        let Some(state) = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut()) else {
            return;
        };
        if let Some(until_ms) = state.budget.spend(bytes, per_s, now_ms) {
            state.pause(until_ms);
            self.touched.push(slot);
        }
    }

    /// Gives input to the stream; what it cannot take yet is held.
    fn take_input(&mut self, slot: usize, mut input: &[u8]) {
        let Some(place) = self.place(slot) else { return };
        self.note_heard(slot);
        while !input.is_empty() {
            let Some(connection) = self.slot(place).and_then(|slot| self.connections.get_mut(slot)) else { return };
            if connection.linger_until_ms().is_some() {
                return;
            }
            if connection.is_paused() {
                connection.hold(input);
                return;
            }
            let taken = connection.stream.handle_input(input, self.now.mono_ms, &mut self.out);
            input = input.get(taken..).unwrap_or_default();
            self.drain_outbox(slot);
        }
        self.touched.push(slot);
    }

    /// Goes on with what was held back and what was not read.
    pub(crate) fn go_on(&mut self, slot: usize) {
        loop {
            let Some(connection) = self.connections.get_mut(slot) else { return };
            if connection.must_wait() {
                return;
            }
            if let Some(queued) = connection.session.as_mut().and_then(|state| state.next_queued()) {
                self.handle_queued(slot, queued);
                continue;
            }
            let held = connection.take_held();
            if held.is_empty() {
                break;
            }
            self.take_input(slot, &held);
        }
        if self.connections.get(slot).is_some_and(|connection| connection.flags.may_read) {
            self.handle_readable(slot, true);
        }
    }

    /// Carries out what the stream has left in the outbox.
    pub(crate) fn drain_outbox(&mut self, slot: usize) {
        let mut out = std::mem::take(&mut self.out);
        let mut events = out.events.drain(..).peekable();
        // What is answered already goes out before the stream may end.
        while !self.is_answering(slot)
            && let Some(Event::Answer(answer)) = events.next_if(|event| matches!(event, Event::Answer(_)))
        {
            self.write(slot, &answer.to_stream_bytes());
        }
        self.write(slot, &out.bytes);
        for event in events {
            self.handle_stream_event(slot, event);
        }
        match out.action {
            Some(Action::StartTls) => self.start_tls(slot, false),
            Some(Action::Close) => self.begin_closing(slot),
            None => {}
        }
        out.clear();
        self.out = out;
    }

    fn handle_stream_event(&mut self, slot: usize, event: Event) {
        if matches!(event, Event::Stanza(_) | Event::Answer(_) | Event::PushAck(_)) {
            self.spend(slot, STANZA_BYTES);
        }
        match event {
            Event::NeedVerifier { .. }
            | Event::NeedTokens { .. }
            | Event::CheckPassword { .. }
            | Event::CheckAppKey(_)
            | Event::Register { .. }
            | Event::RegisterAndroidpn(_)
            | Event::CheckAndroidpn(_)
            | Event::FollowLogin(_) => self.ask(slot, event),
            Event::Bind(request) => self.log_in(slot, *request),
            Event::Stanza(stanza) if self.take_receipt(slot, &stanza) => {}
            Event::Stanza(stanza) => self.queue(slot, Queued::Stanza(stanza)),
            Event::Answer(answer) => self.queue(slot, Queued::Answer(answer)),
            Event::PushAck(ack) => self.acknowledge(slot, &ack),
            Event::LoginFailed(failure) => self.login_failed(slot, &failure),
            Event::Promise(heartbeat_s) => self.promise(slot, heartbeat_s),
            Event::Heartbeat => {
                if let Some(key) = self.key(slot) {
                    self.shard.heartbeat(key, self.now, &mut self.outputs);
                }
            }
            Event::Closed(condition) => {
                let name = condition.map(StreamCondition::name);
                if condition == Some(StreamCondition::PolicyViolation) {
                    self.note_violation(slot);
                } else {
                    tracing::debug!(worker = self.index, condition = name, "a stream has ended");
                }
                self.end_session(slot, session_end(condition));
            }
        }
    }

    fn note_violation(&mut self, slot: usize) {
        self.violations += 1;
        let Some(untold) = self.violation_lines.take(self.peer(slot), self.now.mono_ms) else { return };
        let (worker, condition, count) = (self.index, StreamCondition::PolicyViolation.name(), self.violations);
        tracing::info!(worker, condition, count, untold, "a stream was ended");
    }

    fn peer(&self, slot: usize) -> Option<IpAddr> {
        self.connections.get(slot).and_then(|connection| self.host.peer(&connection.transport))
    }

    /// A line with what a tool needs that keeps guessers out.
    fn login_failed(&mut self, slot: usize, failure: &LoginFailure) {
        self.core.metrics.login_failures.inc();
        self.login_failures += 1;
        let peer = self.peer(slot);
        let Some(untold) = self.failed_lines.take(peer, self.now.mono_ms) else { return };
        let peer = peer.map_or_else(|| "-".to_owned(), |peer| peer.to_string());
        let account = failure.account.as_deref().map_or_else(|| "-".to_owned(), shown);
        let LoginFailure { condition, mechanism, .. } = failure;
        let (worker, condition, count) = (self.index, condition.name(), self.login_failures);
        tracing::info!(%peer, account, worker, condition, mechanism, count, untold, "a login failed");
    }

    /// In the order of the stanzas (RFC 6120 §10.1).
    fn queue(&mut self, slot: usize, queued: Queued) {
        let Some(state) = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut()) else {
            return;
        };
        if state.is_answering() {
            state.queue(queued);
        } else {
            self.handle_queued(slot, queued);
        }
    }

    fn handle_queued(&mut self, slot: usize, queued: Queued) {
        match queued {
            Queued::Stanza(stanza) => self.handle_stanza(slot, stanza),
            Queued::Answer(answer) => self.write_element(slot, &answer),
        }
    }

    fn is_answering(&self, slot: usize) -> bool {
        let session = self.connections.get(slot).and_then(|connection| connection.session.as_ref());
        session.is_some_and(|state| state.is_answering())
    }

    /// Writes an element to a session; nothing follows the end of its stream.
    pub(crate) fn write_element(&mut self, slot: usize, element: &Element) {
        if self.connections.get(slot).is_some_and(|connection| connection.stream.is_bound()) {
            self.write(slot, &element.to_stream_bytes());
        }
    }

    /// Ends a stream for a broken rule.
    pub(crate) fn violation(&mut self, slot: usize, text: String) {
        self.close(slot, &StreamError::new(StreamCondition::PolicyViolation).with_text(text));
    }
}
