//! A stream that is not bound yet: its header, its phase and its deadlines.

use std::sync::Arc;

use longwire_protocol::codec::{self, Limits};
use longwire_protocol::jid::BareJid;
use longwire_protocol::stream::{StreamCondition, StreamError, StreamHeader};
use longwire_protocol::{Element, Jid, Reader};

use crate::authenticated::Authenticated;
use crate::bound::Bound;
use crate::opened::Opened;
use crate::secured::Secured;
use crate::seed::Seed;
use crate::{Action, Answer, Config, HEADER_MS, NEGOTIATION_BYTES_MAX, NEGOTIATION_MS, Outbox, Reason};

/// A stream before its session.
pub(crate) struct Negotiation {
    link: Link,
    phase: Phase,
}

/// What every phase has.
pub(crate) struct Link {
    pub(crate) config: Arc<Config>,
    pub(crate) seed: Seed,
    pub(crate) domain: Option<BareJid>,
    /// The id of our last header: part of the digest of `jabber:iq:auth`.
    pub(crate) stream_id: String,
    /// Whether the last header is one as original androidpn clients write it, where these are served.
    pub(crate) is_original: bool,
    /// The header has a language, which no library of such clients sends, but those of some others.
    pub(crate) states_language: bool,
    is_direct_tls: bool,
    reader: Reader,
    /// Bytes that were taken so far.
    bytes: usize,
    is_open: bool,
    header_due_ms: Option<u64>,
    bound_due_ms: u64,
}

enum Phase {
    Opened(Opened),
    Handshaking,
    Secured(Secured),
    Authenticated(Authenticated),
}

/// What a first-level element or an answer leads to.
pub(crate) enum Next {
    Stay,
    StartTls,
    Authenticated(Authenticated),
    Bound(Box<BoundParts>),
}

/// What a bound stream takes over.
pub(crate) struct BoundParts {
    pub(crate) jid: longwire_protocol::jid::FullJid,
    pub(crate) heartbeat_s: Option<u32>,
    pub(crate) is_androidpn: bool,
}

/// How the stream goes on.
pub(crate) enum Progress {
    Going,
    Bound(Box<Bound>),
    Closed,
}

impl Negotiation {
    pub(crate) fn new(config: Arc<Config>, seed: [u8; 32], now_ms: u64) -> Self {
        let phase = Phase::Opened(Opened::new());
        let link = Link {
            config,
            seed: Seed::new(seed),
            domain: None,
            stream_id: String::new(),
            is_original: false,
            states_language: false,
            is_direct_tls: false,
            reader: Reader::new(Limits::BEFORE_LOGIN),
            bytes: 0,
            is_open: false,
            header_due_ms: Some(now_ms.saturating_add(HEADER_MS)),
            bound_due_ms: now_ms.saturating_add(NEGOTIATION_MS),
        };
        Self { link, phase }
    }

    pub(crate) fn handle_tls(&mut self, exporter: Option<[u8; 32]>, now_ms: u64) {
        self.link.is_direct_tls |= matches!(self.phase, Phase::Opened(_));
        self.phase = Phase::Secured(Secured::new(exporter));
        self.link.restart();
        self.link.header_due_ms = Some(now_ms.saturating_add(HEADER_MS));
    }

    /// Takes one event from the front of `rest`.
    pub(crate) fn handle_input(
        &mut self,
        rest: &mut &[u8],
        now_ms: u64,
        out: &mut Outbox,
    ) -> Result<Progress, StreamError> {
        if self.is_waiting() {
            return Ok(Progress::Going);
        }
        match self.link.read(rest)? {
            None | Some(codec::Event::Whitespace(_)) => Ok(Progress::Going),
            Some(codec::Event::Close) => Ok(Progress::Closed),
            Some(codec::Event::Open(header)) => self.open(&header, out).map(|()| Progress::Going),
            Some(codec::Event::Element(element)) => {
                let next = match &mut self.phase {
                    Phase::Opened(phase) => phase.handle_element(&element, rest.is_empty(), &mut self.link, out),
                    Phase::Handshaking => Err(StreamCondition::PolicyViolation.into()),
                    Phase::Secured(phase) => phase.handle_element(&element, &mut self.link, out),
                    Phase::Authenticated(phase) => phase.handle_element(&element, &self.link, out),
                };
                Ok(self.apply(next?, now_ms, out))
            }
        }
    }

    pub(crate) fn handle_answer(
        &mut self,
        answer: Answer,
        now_ms: u64,
        out: &mut Outbox,
    ) -> Result<Progress, StreamError> {
        let next = match &mut self.phase {
            Phase::Opened(phase) => phase.handle_answer(answer, &mut self.link, out)?,
            Phase::Handshaking => Next::Stay,
            Phase::Secured(phase) => phase.handle_answer(answer, &mut self.link, out)?,
            Phase::Authenticated(phase) => phase.handle_answer(answer, &self.link, out)?,
        };
        Ok(self.apply(next, now_ms, out))
    }

    pub(crate) fn poll_timeout(&self) -> (u64, Reason) {
        match self.link.header_due_ms {
            Some(due_ms) if due_ms < self.link.bound_due_ms => (due_ms, Reason::Header),
            Some(_) | None => (self.link.bound_due_ms, Reason::Negotiation),
        }
    }

    pub(crate) fn is_waiting(&self) -> bool {
        match &self.phase {
            Phase::Opened(phase) => phase.is_waiting(),
            Phase::Handshaking => false,
            Phase::Secured(phase) => phase.is_waiting(),
            Phase::Authenticated(phase) => phase.is_waiting(),
        }
    }

    pub(crate) const fn carry_bytes(&self) -> usize {
        self.link.reader.carry_bytes()
    }

    /// Writes the error; before it our header if the client has not seen one (RFC 6120 §4.9.1.1).
    pub(crate) fn write_error(&mut self, error: &StreamError, out: &mut Outbox) {
        if matches!(self.phase, Phase::Handshaking) {
            return;
        }
        if !self.link.is_open {
            self.link.write_header(None, out);
        }
        error.write_and_close(&mut out.bytes);
    }

    fn open(&mut self, header: &StreamHeader, out: &mut Outbox) -> Result<(), StreamError> {
        let was = self.link.domain.clone();
        self.link.header_due_ms = None;
        self.link.is_original = self.link.is_original_header(header);
        self.link.states_language = header.lang.is_some();
        let named = header.to.as_ref().and_then(|to| self.link.config.served(to));
        // Original androidpn clients name the host that they connect to, and take the domain from our header.
        let default = self.link.config.domains.first().filter(|_| self.link.is_original);
        let domain = named.or(default).cloned();
        let is_known = domain.is_some();
        if let Some(domain) = domain {
            self.link.domain = Some(domain);
        }
        self.link.write_header(header.from.as_ref(), out);
        if !is_known {
            return Err(StreamError::new(StreamCondition::HostUnknown));
        }
        if !header.is_xmpp_1() {
            return Err(StreamError::new(StreamCondition::UnsupportedVersion));
        }
        match &self.phase {
            Phase::Opened(phase) => phase.write_features(&self.link, out),
            Phase::Handshaking => {}
            Phase::Secured(phase) => phase.write_features(&self.link, out),
            Phase::Authenticated(phase) => {
                // Nobody carries an identity over to another domain (CVE-2018-10847), or claims another one.
                if was != self.link.domain {
                    return Err(StreamError::new(StreamCondition::NotAuthorized));
                }
                phase.check_from(header.from.as_ref(), &self.link)?;
                Authenticated::write_features(out);
            }
        }
        Ok(())
    }

    fn apply(&mut self, next: Next, now_ms: u64, out: &mut Outbox) -> Progress {
        match next {
            Next::Stay => {}
            Next::StartTls => {
                out.action = Some(Action::StartTls);
                self.phase = Phase::Handshaking;
                self.link.header_due_ms = Some(now_ms.saturating_add(HEADER_MS));
            }
            Next::Authenticated(phase) => {
                self.link.reader.set_limits(Limits::AFTER_LOGIN);
                if phase.restarts() {
                    self.link.restart();
                    self.link.header_due_ms = Some(now_ms.saturating_add(HEADER_MS));
                }
                self.phase = Phase::Authenticated(phase);
            }
            Next::Bound(parts) => {
                let mut reader = std::mem::replace(&mut self.link.reader, Reader::new(Limits::AFTER_LOGIN));
                reader.set_limits(Limits::AFTER_LOGIN);
                let bound = Bound::new(Arc::clone(&self.link.config), *parts, reader, now_ms);
                return Progress::Bound(Box::new(bound));
            }
        }
        Progress::Going
    }
}

impl Link {
    /// The domain that the client asked for, or the default one.
    pub(crate) fn domain(&self) -> &BareJid {
        self.domain.as_ref().or(self.config.domains.first()).expect("a server has a domain")
    }

    /// Where a stanza goes that is sent to the client before it has a session.
    pub(crate) fn address(&self) -> String {
        format!("{}/{}", self.domain(), self.stream_id)
    }

    /// Original androidpn clients state no address of their own, and know no port of direct TLS.
    fn is_original_header(&self, header: &StreamHeader) -> bool {
        self.config.androidpn && !self.is_direct_tls && header.from.is_none()
    }

    /// The next event. Time alone would bound neither what a flood costs nor what is answered to it.
    fn read(&mut self, rest: &mut &[u8]) -> Result<Option<codec::Event>, StreamError> {
        let before = rest.len();
        let event = self.reader.read(rest).map_err(error_of)?;
        self.bytes = self.bytes.saturating_add(before.saturating_sub(rest.len()));
        if self.bytes > NEGOTIATION_BYTES_MAX {
            let error = StreamError::new(StreamCondition::PolicyViolation);
            return Err(error.with_text("too much was sent before a session"));
        }
        Ok(event)
    }

    fn restart(&mut self) {
        self.reader.restart();
        self.is_open = false;
    }

    fn write_header(&mut self, to: Option<&Jid>, out: &mut Outbox) {
        self.stream_id = self.seed.draw();
        let id = self.stream_id.clone();
        StreamHeader::server(self.domain().clone().into(), to.cloned(), id).write_to(&mut out.bytes);
        self.is_open = true;
    }
}

pub(crate) fn error_of(error: codec::CodecError) -> StreamError {
    StreamError::new(error.condition).with_text(error.reason)
}

/// Refuses a first-level element that has no place in a phase.
pub(crate) fn refuse(element: &Element, out: &mut Outbox) -> Result<Next, StreamError> {
    const COMPRESS: &str = "http://jabber.org/protocol/compress";
    if element.is(COMPRESS, "compress") {
        let failure = Element::new(COMPRESS, "failure").with_child(Element::new(COMPRESS, "setup-failed"));
        failure.write_in_stream(&mut out.bytes);
        return Ok(Next::Stay);
    }
    let is_stanza = longwire_protocol::stanza::is_stanza(element);
    let condition = if is_stanza { StreamCondition::NotAuthorized } else { StreamCondition::UnsupportedStanzaType };
    Err(StreamError::new(condition))
}
