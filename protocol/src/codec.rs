//! Reading one XMPP stream, however its bytes are cut.

use crate::Element;
use crate::stream::{StreamCondition, StreamHeader};

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

/// Reads the events of one stream, in pieces of any size.
#[derive(Debug)]
pub struct Reader {
    limits: Limits,
}

impl Reader {
    /// A reader at the start of a stream.
    #[must_use]
    pub const fn new(limits: Limits) -> Self {
        Self { limits }
    }

    /// Changes the limits, from the next element on.
    pub const fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Expects a new stream header (after STARTTLS or SASL).
    pub const fn restart(&mut self) {}

    /// Reads one event and takes its bytes from the front of `input`; `None` when all was taken and more is needed.
    ///
    /// # Errors
    /// At the first byte that no valid stream has there; from then on always.
    pub fn read(&mut self, input: &mut &[u8]) -> Result<Option<Event>, CodecError> {
        *input = &[];
        Ok(None)
    }

    /// The bytes held of a unit that is not complete; 0 when idle.
    #[must_use]
    pub const fn carry_bytes(&self) -> usize {
        0
    }

    /// All bytes scanned since the reader was made.
    #[must_use]
    pub const fn scanned_bytes(&self) -> u64 {
        0
    }
}
