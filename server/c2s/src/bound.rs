//! A stream with a session: stanzas, acknowledgements, heartbeats.

use std::sync::Arc;

use longwire_protocol::codec;
use longwire_protocol::jid::{DomainRef, FullJid};
use longwire_protocol::push::{self, Ack, HeartbeatChanged};
use longwire_protocol::stanza::{Condition, Iq, StanzaError, error_answer, is_stanza};
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::xep::ping;
use longwire_protocol::{Element, Jid, Reader, ns};

use crate::config::ANDROIDPN_SILENCE_MS;
use crate::negotiation::{BoundParts, error_of, refuse};
use crate::{Config, Event, HEARTBEAT_GRACE_MS, Outbox, Reason};

/// The id of the stream's own pings.
const PING_ID: &str = "longwire-alive";

/// The phase of the session; everything here is paid for by every idle connection.
pub(crate) struct Bound {
    config: Arc<Config>,
    jid: FullJid,
    reader: Reader,
    heard_ms: u64,
    heartbeat_s: Option<u32>,
    is_pinged: bool,
    /// An original androidpn client: what it says is judged by the rules of its own that the core has.
    is_androidpn: bool,
}

impl Bound {
    pub(crate) fn new(config: Arc<Config>, parts: BoundParts, reader: Reader, now_ms: u64) -> Self {
        let BoundParts { jid, heartbeat_s, is_androidpn } = parts;
        Self { config, jid, reader, heard_ms: now_ms, heartbeat_s, is_pinged: false, is_androidpn }
    }

    /// Takes all of `rest`; true when the client has closed its stream.
    pub(crate) fn handle_input(
        &mut self,
        rest: &mut &[u8],
        now_ms: u64,
        out: &mut Outbox,
    ) -> Result<bool, StreamError> {
        self.heard_ms = now_ms;
        self.is_pinged = false;
        let mut is_answered = !self.is_push();
        while !rest.is_empty() {
            match self.reader.read(rest).map_err(error_of)? {
                None => {}
                Some(codec::Event::Whitespace(_)) if is_answered => {}
                Some(codec::Event::Whitespace(_)) => {
                    out.bytes.push(push::HEARTBEAT);
                    out.events.push(Event::Heartbeat);
                    is_answered = true;
                }
                Some(codec::Event::Element(element)) if element.is(ns::STREAMS, "error") => return Ok(true),
                Some(codec::Event::Element(element)) => self.handle_element(element, out)?,
                Some(codec::Event::Close) => return Ok(true),
                Some(codec::Event::Open(_)) => return Err(StreamCondition::BadFormat.into()),
            }
        }
        Ok(false)
    }

    pub(crate) fn ping(&mut self, now_ms: u64, out: &mut Outbox) {
        self.is_pinged = true;
        self.heard_ms = now_ms;
        let ping = Iq::get(PING_ID, ping::request());
        let domain = Jid::from(longwire_protocol::jid::BareJid::from(self.jid.domain()));
        let ping = ping.with_from(domain).with_to(self.jid.clone().into());
        ping.to_element().write_in_stream(&mut out.bytes);
    }

    pub(crate) fn poll_timeout(&self) -> (u64, Reason) {
        let (after_ms, reason) = match self.heartbeat_s {
            Some(seconds) => (2 * 1000 * u64::from(seconds) + HEARTBEAT_GRACE_MS, Reason::Heartbeat),
            None if self.is_pinged => (self.config.ping_answer_ms, Reason::PingAnswer),
            None if self.is_androidpn => (self.config.silence_ms.min(ANDROIDPN_SILENCE_MS), Reason::Silence),
            None => (self.config.silence_ms, Reason::Silence),
        };
        (self.heard_ms.saturating_add(after_ms), reason)
    }

    pub(crate) const fn jid(&self) -> &FullJid {
        &self.jid
    }

    pub(crate) const fn carry_bytes(&self) -> usize {
        self.reader.carry_bytes()
    }

    const fn is_push(&self) -> bool {
        self.heartbeat_s.is_some()
    }

    fn handle_element(&mut self, element: Element, out: &mut Outbox) -> Result<(), StreamError> {
        if is_stanza(&element) {
            return self.handle_stanza(element, out);
        }
        if matches!(element.ns(), ns::SASL | ns::SASL2) {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.with_text("already authenticated"));
        }
        let malformed = |problem: longwire_protocol::FieldError| {
            StreamError::new(StreamCondition::BadFormat).with_text(problem.to_string())
        };
        if self.is_push() && element.is(ns::PUSH, "heartbeat") {
            let changed = HeartbeatChanged::from_element(&element).map_err(malformed)?;
            let promised_s = self.config.promise_s(Some(changed.seconds));
            self.heartbeat_s = Some(promised_s);
            out.events.push(Event::Promise(promised_s));
            return Ok(());
        }
        if self.is_push() && element.is(ns::PUSH, "ack") {
            out.events.push(Event::PushAck(Ack::from_element(&element).map_err(malformed)?));
            return Ok(());
        }
        refuse(&element, out).map(drop)
    }

    fn handle_stanza(&self, mut stanza: Element, out: &mut Outbox) -> Result<(), StreamError> {
        self.check_from(&stanza)?;
        stanza.set_attr("from", &self.jid);
        let checked = if self.is_androidpn { Ok(()) } else { check(&stanza, self.jid.domain()) };
        if let Err(error) = checked {
            out.events.extend(error_answer(&stanza, &error).map(Event::Answer));
        } else if !self.is_ping_answer(&stanza) {
            out.events.push(Event::Stanza(stanza));
        }
        Ok(())
    }

    /// RFC 6120 §8.1.2.1: no sender but this session.
    fn check_from(&self, stanza: &Element) -> Result<(), StreamError> {
        let Some(from) = stanza.attr("from") else { return Ok(()) };
        match Jid::new(from) {
            Ok(from) if from == self.jid || from == self.jid.to_bare() => Ok(()),
            Ok(_) | Err(_) => Err(StreamCondition::InvalidFrom.into()),
        }
    }

    fn is_ping_answer(&self, stanza: &Element) -> bool {
        let answers = stanza.name() == "iq" && matches!(stanza.attr("type"), Some("result" | "error"));
        answers && stanza.attr("id") == Some(PING_ID) && self.is_for_server(stanza)
    }

    /// Whether the server answers for the addressee: none, the own account, the domain.
    fn is_for_server(&self, stanza: &Element) -> bool {
        let Some(Ok(to)) = stanza.attr("to").map(Jid::new) else { return true };
        to.resource().is_none()
            && to.domain() == self.jid.domain()
            && (to.node().is_none() || to.node() == self.jid.node())
    }
}

/// What must hold of every stanza (RFC 6120 §8.1, §8.2.3). Most are for `domain` itself, which is prepared.
fn check(stanza: &Element, domain: &DomainRef) -> Result<(), StanzaError> {
    if stanza.attr("to").is_some_and(|to| to != domain.as_str() && Jid::new(to).is_err()) {
        return Err(Condition::JidMalformed.into());
    }
    let bad = |problem: &str| Err(StanzaError::new(Condition::BadRequest).with_text(problem));
    if stanza.name() != "iq" {
        return Ok(());
    }
    if stanza.attr("id").is_none_or(str::is_empty) {
        return bad("an IQ has an id");
    }
    match stanza.attr("type") {
        Some("get" | "set") if stanza.children().count() != 1 => bad("an IQ request holds exactly one payload"),
        Some("get" | "set" | "result" | "error") => Ok(()),
        Some(_) | None => bad("the type of an IQ is get, set, result or error"),
    }
}

#[cfg(test)]
mod tests {
    use super::Bound;

    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<Bound>() <= 176, "{}", size_of::<Bound>());
    }
}
