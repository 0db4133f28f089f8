//! Reading one XMPP stream, however its bytes are cut.
//!
//! A lexer of restricted XML (RFC 6120 §11.1) looks at every byte once, refuses the first that no stream may have there and
//! finds the end of each first-level element; that element, complete, goes to quick-xml. Elements that arrive whole and hold nothing but
//! what most stanzas do are read in one pass before that. Nothing recurses on the input.

mod header;
mod lexer;
mod plain;
mod reference;
mod tree;
mod utf8;

#[cfg(test)]
mod tests;

use crate::Element;
use crate::stream::{StreamCondition, StreamHeader};
use header::StreamScope;
use lexer::{Lexer, Place, Unit};

/// What a stream may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest first-level element or stream header, in bytes.
    pub element_bytes: usize,
    /// The deepest nesting; a first-level element is at 1.
    pub depth: usize,
    /// The most attributes of one element, namespace declarations included.
    pub attributes: usize,
}

impl Limits {
    /// Before login (DESIGN §5).
    pub const BEFORE_LOGIN: Self = Self { element_bytes: 16 * 1024, depth: 32, attributes: 64 };
    /// After login (DESIGN §5).
    pub const AFTER_LOGIN: Self = Self { element_bytes: 256 * 1024, depth: 32, attributes: 64 };
}

/// What a stream consists of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The stream was opened.
    Open(StreamHeader),
    /// A first-level element.
    Element(Element),
    /// So many bytes of whitespace between first-level elements; a run cut in two gives two of these.
    Whitespace(usize),
    /// The stream was closed.
    Close,
}

/// Why a stream cannot be read on; maps to the stream error to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct CodecError {
    /// The condition of the stream error.
    pub condition: StreamCondition,
    /// What was wrong, for the text of the error.
    pub reason: &'static str,
}

impl CodecError {
    const fn new(condition: StreamCondition, reason: &'static str) -> Self {
        Self { condition, reason }
    }

    const fn malformed(reason: &'static str) -> Self {
        Self::new(StreamCondition::NotWellFormed, reason)
    }

    const fn restricted(reason: &'static str) -> Self {
        Self::new(StreamCondition::RestrictedXml, reason)
    }

    const fn policy(reason: &'static str) -> Self {
        Self::new(StreamCondition::PolicyViolation, reason)
    }
}

/// Where the stream stands between two units.
#[derive(Clone, Debug)]
enum Phase {
    /// Before the stream header.
    Prolog { may_declare: bool },
    /// After the stream header, whose declarations hold.
    Open(StreamScope),
    /// After the closing tag.
    Closed,
    /// After an error, which is given again.
    Failed(Box<CodecError>),
}

/// Reads the events of one stream, in pieces of any size.
///
/// Holds memory only while a unit is cut in two.
#[derive(Clone, Debug)]
pub struct Reader {
    limits: Limits,
    phase: Phase,
    /// In the middle of a unit.
    cut: Option<Box<Cut>>,
    scanned_bytes: u64,
}

/// A unit that is cut in two.
#[derive(Clone, Debug)]
struct Cut {
    lexer: Lexer,
    /// Its bytes so far.
    carry: Vec<u8>,
}

impl Reader {
    /// A reader at the start of a stream.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        let phase = Phase::Prolog { may_declare: true };
        Self { limits, phase, cut: None, scanned_bytes: 0 }
    }

    /// Changes the limits, from the next byte on.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Expects a new stream header (after STARTTLS or SASL); forgets what it had of a unit.
    pub fn restart(&mut self) {
        self.phase = Phase::Prolog { may_declare: true };
        self.cut = None;
    }

    /// The memory held for a unit that is not complete, in bytes; 0 between units.
    #[must_use]
    pub const fn carry_bytes(&self) -> usize {
        match &self.cut {
            Some(cut) => cut.carry.capacity(),
            None => 0,
        }
    }

    /// How many bytes have been looked at since the reader was made, those of complete units twice.
    #[must_use]
    pub const fn scanned_bytes(&self) -> u64 {
        self.scanned_bytes
    }

    /// Reads one event and takes its bytes, and no more, from the front of `input`; `None` when all was taken and more is
    /// needed.
    ///
    /// # Errors
    /// At the first byte that no valid stream has there; from then on always the same.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Event>, CodecError> {
        let result = self.read_event(input);
        if let Err(error) = result {
            self.restart();
            self.phase = Phase::Failed(Box::new(error));
        }
        result
    }

    fn read_event(&mut self, input: &mut &[u8]) -> Result<Option<Event>, CodecError> {
        loop {
            let Cut { mut lexer, mut carry } = match self.cut.take() {
                Some(cut) => *cut,
                None => {
                    let spaces = self.take_whitespace(input);
                    if spaces > 0 && matches!(self.phase, Phase::Open(_)) {
                        return Ok(Some(Event::Whitespace(spaces)));
                    }
                    let Some(first) = input.first() else { return Ok(None) };
                    if let Some(event) = self.take_plain(input) {
                        return Ok(Some(event));
                    }
                    Cut { lexer: self.start_unit(*first)?, carry: Vec::new() }
                }
            };
            let Some((unit, end)) = self.scan(&mut lexer, carry.len(), input)? else {
                carry.extend_from_slice(input);
                *input = &[];
                self.cut = Some(Box::new(Cut { lexer, carry }));
                return Ok(None);
            };
            let (last, rest) = input.split_at_checked(end).unwrap_or((input, &[]));
            *input = rest;
            let event = if carry.is_empty() {
                self.finish_unit(unit, last)?
            } else {
                carry.extend_from_slice(last);
                self.finish_unit(unit, &carry)?
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn take_whitespace(&mut self, input: &mut &[u8]) -> usize {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let spaces = input.iter().position(|byte| !is_space(byte)).unwrap_or(input.len());
        *input = input.get(spaces..).unwrap_or_default();
        self.count(spaces);
        spaces
    }

    /// The element or header at the front of `input`, if that is a plain one; counted as if it had been read the other way.
    fn take_plain(&mut self, input: &mut &[u8]) -> Option<Event> {
        let (event, bytes) = match &self.phase {
            Phase::Open(StreamScope::Usual) => {
                let (element, bytes) = plain::read(input, &self.limits)?;
                (Event::Element(element), bytes)
            }
            Phase::Prolog { may_declare } => {
                let (header, bytes) = plain::read_header(input, &self.limits, *may_declare)?;
                self.phase = Phase::Open(StreamScope::Usual);
                (Event::Open(header), bytes)
            }
            Phase::Open(StreamScope::Other(_)) | Phase::Closed | Phase::Failed(_) => return None,
        };
        *input = input.get(bytes..).unwrap_or_default();
        self.count(2 * bytes);
        Some(event)
    }

    /// The lexer for the unit that `first` begins; only `<` begins one.
    fn start_unit(&self, first: u8) -> Result<Lexer, CodecError> {
        match (&self.phase, first) {
            (Phase::Failed(error), _) => Err(**error),
            (Phase::Closed, _) => Err(CodecError::malformed("data after the end of the stream")),
            (Phase::Prolog { may_declare }, b'<') => Ok(Lexer::new(Place::Prolog { may_declare: *may_declare })),
            (Phase::Prolog { .. }, _) => Err(CodecError::malformed("not a stream header")),
            (Phase::Open(_), b'<') => Ok(Lexer::new(Place::Stream)),
            (Phase::Open(_), 0x21..=0x7f | 0xc2..=0xf4) => {
                Err(CodecError::new(StreamCondition::BadFormat, "text between first-level elements"))
            }
            (Phase::Open(_), _) => Err(CodecError::malformed("forbidden byte between first-level elements")),
        }
    }

    /// Scans to the end of the unit, which is that many bytes into `input`; `None` when it is not there. `before` bytes of it came earlier.
    fn scan(&mut self, lexer: &mut Lexer, before: usize, input: &[u8]) -> Result<Option<(Unit, usize)>, CodecError> {
        let room = self.limits.element_bytes.saturating_sub(before);
        let within = input.get(..room).unwrap_or(input);
        let (mut end, mut index) = (None, 0);
        while let Some((byte, rest)) = within.get(index..).and_then(<[u8]>::split_first) {
            index += 1;
            if let Some(unit) = lexer.feed(*byte, &self.limits)? {
                end = Some((unit, index));
                break;
            }
            index += lexer.skip(rest);
        }
        if end.is_none() && within.len() < input.len() {
            self.count(room);
            return Err(CodecError::policy("the element is too large"));
        }
        self.count(end.as_ref().map_or(input.len(), |(_, end)| *end));
        Ok(end)
    }

    /// Turns the bytes of a complete unit into its event; a declaration has none.
    fn finish_unit(&mut self, unit: Unit, bytes: &[u8]) -> Result<Option<Event>, CodecError> {
        self.count(bytes.len());
        let text = std::str::from_utf8(bytes).map_err(|_| CodecError::malformed("not UTF-8"))?;
        match (unit, &self.phase) {
            (Unit::Declaration, _) => {
                header::check_declaration(text)?;
                self.phase = Phase::Prolog { may_declare: false };
                Ok(None)
            }
            (Unit::StartTag, _) => {
                let (opened, scope) = header::read(text)?;
                self.phase = Phase::Open(scope);
                Ok(Some(Event::Open(opened)))
            }
            (Unit::Element, Phase::Open(scope)) => {
                tree::read(text, scope, self.limits.attributes).map(|element| Some(Event::Element(element)))
            }
            (Unit::EndTag, Phase::Open(scope)) if scope.is_end_tag(text) => {
                self.phase = Phase::Closed;
                Ok(Some(Event::Close))
            }
            (Unit::EndTag | Unit::Element, _) => Err(CodecError::malformed("an end tag that nothing opened")),
        }
    }

    fn count(&mut self, bytes: usize) {
        self.scanned_bytes = self.scanned_bytes.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }
}
