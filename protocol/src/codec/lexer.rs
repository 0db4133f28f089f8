//! The lexer: one state per place in the grammar of restricted XML; every character is looked at once.
//!
//! It leaves to the tree what needs memory: that end tags match, attributes are unique and prefixes are declared.

use super::reference::Reference;
use super::utf8::Utf8;
use super::{CodecError, Limits};
use crate::element::text::{is_plain, is_xml_char};
use crate::stream::StreamCondition;

/// Where a unit begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Before the stream header; the XML declaration may come once.
    Prolog { may_declare: bool },
    /// Between first-level elements.
    Stream,
}

/// What a unit turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Declaration,
    /// In the prolog.
    StartTag,
    /// In the stream: from its start tag to its end tag.
    Element,
    /// In the stream.
    EndTag,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Before `<`.
    Start,
    /// After `<`.
    Markup,
    StartName,
    /// In a start tag, after whitespace.
    InTag,
    AttributeName,
    /// After an attribute's name and whitespace.
    BeforeEquals,
    AfterEquals,
    AttributeValue {
        quote: char,
    },
    AfterValue,
    /// After `/` in a start tag.
    EmptyEnd,
    /// After `</`.
    EndStart,
    EndName,
    EndSpace,
    /// After `<!`.
    Bang,
    /// In `<![CDATA[`, so many characters after `<!`.
    CdataStart(usize),
    /// In a CDATA section, after so many `]` in a row, at most 2.
    Cdata(u8),
    /// In text, after so many `]` in a row, at most 2.
    Text(u8),
    /// In a reference, of an attribute's value or of text.
    Reference {
        quote: Option<char>,
        reference: Reference,
    },
    /// In `<?xml`, so many characters after `<?`.
    DeclarationName(usize),
    Declaration {
        after_question_mark: bool,
    },
}

/// A unit being read.
#[derive(Clone, Debug)]
pub(super) struct Lexer {
    place: Place,
    state: State,
    utf8: Utf8,
    /// How many elements are open.
    depth: usize,
    /// How many attributes the open start tag has.
    attributes: usize,
}

impl Lexer {
    /// Expects a `<`.
    pub(super) fn new(place: Place) -> Self {
        Self { place, state: State::Start, utf8: Utf8::default(), depth: 0, attributes: 0 }
    }

    /// Takes a byte; gives the unit that it completes.
    pub(super) fn feed(&mut self, byte: u8, limits: &Limits) -> Result<Option<Unit>, CodecError> {
        let Some(c) = self.utf8.push(byte)? else { return Ok(None) };
        if !is_xml_char(c) {
            return Err(CodecError::malformed("a forbidden character"));
        }
        match self.state {
            State::Start | State::Markup | State::Bang | State::CdataStart(_) => {
                self.step_markup(c, limits).map(|()| None)
            }
            State::StartName | State::InTag | State::AfterValue | State::EmptyEnd => self.step_start_tag(c, limits),
            State::AttributeName
            | State::BeforeEquals
            | State::AfterEquals
            | State::AttributeValue { .. }
            | State::Reference { .. } => self.step_attribute(c).map(|()| None),
            State::EndStart | State::EndName | State::EndSpace => self.step_end_tag(c),
            State::Cdata(_) | State::Text(_) => self.step_text(c).map(|()| None),
            State::DeclarationName(_) | State::Declaration { .. } => self.step_declaration(c),
        }
    }

    /// How many of the next bytes change nothing: characters of a text or of an attribute's value that stand for themselves, and those
    /// of a name.
    pub(super) fn skip(&self, bytes: &[u8]) -> usize {
        let stays: fn(u8) -> bool = match self.state {
            State::Text(0) | State::AttributeValue { .. } => is_plain,
            State::StartName | State::AttributeName | State::EndName => is_plain_in_name,
            State::Start
            | State::Markup
            | State::Bang
            | State::InTag
            | State::BeforeEquals
            | State::AfterEquals
            | State::AfterValue
            | State::EmptyEnd
            | State::EndStart
            | State::EndSpace
            | State::CdataStart(_)
            | State::Cdata(_)
            | State::Text(_)
            | State::Reference { .. }
            | State::DeclarationName(_)
            | State::Declaration { .. } => return 0,
        };
        if !self.utf8.is_whole() {
            return 0;
        }
        bytes.iter().position(|byte| !stays(*byte)).unwrap_or(bytes.len())
    }

    /// After `<`.
    fn step_markup(&mut self, c: char, limits: &Limits) -> Result<(), CodecError> {
        self.state = match (self.state, c) {
            (State::Start, '<') => State::Markup,
            (State::Markup, _) if is_name_start(c) => {
                if self.depth >= limits.depth {
                    return Err(CodecError::policy("elements are nested too deeply"));
                }
                self.attributes = 0;
                State::StartName
            }
            (State::Markup, '/') if self.place == Place::Stream => State::EndStart,
            (State::Markup, '?') if self.place == (Place::Prolog { may_declare: true }) => State::DeclarationName(0),
            (State::Markup, '?') => return Err(CodecError::restricted("a processing instruction")),
            (State::Markup, '!') => State::Bang,
            (State::Bang, '-') => return Err(CodecError::restricted("a comment")),
            (State::Bang, 'A'..='Z' | 'a'..='z') => return Err(CodecError::restricted("a document type declaration")),
            (State::Bang, '[') if self.depth > 0 => State::CdataStart(1),
            (State::Bang, '[') if self.place == Place::Stream => {
                return Err(CodecError::new(StreamCondition::BadFormat, "text between first-level elements"));
            }
            (State::CdataStart(at), _) if "[CDATA[".chars().nth(at) == Some(c) => match at {
                6 => State::Cdata(0),
                _ => State::CdataStart(at + 1),
            },
            _ => return Err(CodecError::malformed("no markup after <")),
        };
        Ok(())
    }

    fn step_start_tag(&mut self, c: char, limits: &Limits) -> Result<Option<Unit>, CodecError> {
        self.state = match (self.state, c) {
            (State::StartName, _) if is_name_char(c) => State::StartName,
            (State::StartName | State::InTag | State::AfterValue, _) if is_space(c) => State::InTag,
            (State::StartName | State::InTag | State::AfterValue, '/') => State::EmptyEnd,
            (State::StartName | State::InTag | State::AfterValue, '>') => {
                self.depth += 1;
                self.state = State::Text(0);
                return Ok(matches!(self.place, Place::Prolog { .. }).then_some(Unit::StartTag));
            }
            (State::InTag, _) if is_name_start(c) => {
                self.attributes += 1;
                if self.attributes > limits.attributes {
                    return Err(CodecError::policy("an element has too many attributes"));
                }
                State::AttributeName
            }
            (State::EmptyEnd, '>') if matches!(self.place, Place::Prolog { .. }) => {
                return Err(CodecError::new(StreamCondition::BadFormat, "a stream without content"));
            }
            (State::EmptyEnd, '>') => {
                self.state = State::Text(0);
                return Ok((self.depth == 0).then_some(Unit::Element));
            }
            _ => return Err(CodecError::malformed("a malformed start tag")),
        };
        Ok(None)
    }

    fn step_attribute(&mut self, c: char) -> Result<(), CodecError> {
        self.state = match (self.state, c) {
            (State::AttributeName, _) if is_name_char(c) => State::AttributeName,
            (State::AttributeName | State::BeforeEquals, '=') => State::AfterEquals,
            (State::AttributeName | State::BeforeEquals, _) if is_space(c) => State::BeforeEquals,
            (State::AfterEquals, '"' | '\'') => State::AttributeValue { quote: c },
            (State::AfterEquals, _) if is_space(c) => State::AfterEquals,
            (State::AttributeValue { quote }, _) if c == quote => State::AfterValue,
            (State::AttributeValue { quote }, '&') => {
                State::Reference { quote: Some(quote), reference: Reference::Start }
            }
            (value @ State::AttributeValue { .. }, _) if c != '<' => value,
            (State::Reference { quote, mut reference }, _) => match (reference.push(c)?, quote) {
                (false, _) => State::Reference { quote, reference },
                (true, Some(quote)) => State::AttributeValue { quote },
                (true, None) => State::Text(0),
            },
            _ => return Err(CodecError::malformed("a malformed attribute")),
        };
        Ok(())
    }

    fn step_end_tag(&mut self, c: char) -> Result<Option<Unit>, CodecError> {
        self.state = match (self.state, c) {
            (State::EndStart, _) if is_name_start(c) => State::EndName,
            (State::EndName, _) if is_name_char(c) => State::EndName,
            (State::EndName | State::EndSpace, _) if is_space(c) => State::EndSpace,
            (State::EndName | State::EndSpace, '>') => {
                self.state = State::Text(0);
                return Ok(match self.depth {
                    0 => Some(Unit::EndTag),
                    1 => Some(Unit::Element),
                    _ => {
                        self.depth -= 1;
                        None
                    }
                });
            }
            _ => return Err(CodecError::malformed("a malformed end tag")),
        };
        Ok(None)
    }

    fn step_text(&mut self, c: char) -> Result<(), CodecError> {
        self.state = match (self.state, c) {
            (State::Text(2), '>') => return Err(CodecError::malformed("]]> in text")),
            (State::Text(brackets), ']') => State::Text(2.min(brackets + 1)),
            (State::Text(_), '<') => State::Markup,
            (State::Text(_), '&') => State::Reference { quote: None, reference: Reference::Start },
            (State::Cdata(2), '>') => State::Text(0),
            (State::Cdata(brackets), ']') => State::Cdata(2.min(brackets + 1)),
            (State::Cdata(_), _) => State::Cdata(0),
            _ => State::Text(0),
        };
        Ok(())
    }

    fn step_declaration(&mut self, c: char) -> Result<Option<Unit>, CodecError> {
        self.state = match (self.state, c) {
            (State::DeclarationName(3), _) if is_space(c) => State::Declaration { after_question_mark: false },
            (State::DeclarationName(at), _) if at < 3 && "xml".chars().nth(at) == Some(c) => {
                State::DeclarationName(at + 1)
            }
            (State::DeclarationName(_), _) => return Err(CodecError::restricted("a processing instruction")),
            (State::Declaration { after_question_mark: true }, '>') => return Ok(Some(Unit::Declaration)),
            (State::Declaration { after_question_mark: false }, '?') => {
                State::Declaration { after_question_mark: true }
            }
            (State::Declaration { after_question_mark: false }, _) if c != '<' => self.state,
            _ => return Err(CodecError::malformed("a malformed XML declaration")),
        };
        Ok(None)
    }
}

const fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

/// What begins a name: of `NameStartChar` (XML 1.0 §2.3) the letters that every edition has, so that no two parsers differ
/// about a name; of other alphabets than Latin the main blocks.
pub(super) const fn is_name_start(c: char) -> bool {
    matches!(c,
        ':' | '_' | 'A'..='Z' | 'a'..='z' | '\u{c0}'..='\u{d6}' | '\u{d8}'..='\u{f6}' | '\u{f8}'..='\u{131}'
        | '\u{3a3}'..='\u{3ce}' | '\u{40e}'..='\u{44f}' | '\u{5d0}'..='\u{5ea}' | '\u{621}'..='\u{63a}'
        | '\u{3041}'..='\u{3094}' | '\u{30a1}'..='\u{30fa}' | '\u{4e00}'..='\u{9fa5}' | '\u{ac00}'..='\u{d7a3}')
}

/// Whether a byte is a character that continues a name; not every one that does.
pub(super) const fn is_plain_in_name(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b':' | b'.' | b'_')
}

/// What continues a name.
pub(super) const fn is_name_char(c: char) -> bool {
    is_name_start(c) || matches!(c, '-' | '.' | '0'..='9' | '\u{b7}' | '\u{300}'..='\u{345}')
}
