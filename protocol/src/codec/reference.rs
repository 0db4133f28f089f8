//! References: the five entities and characters by number, nothing else (RFC 6120 §11.1).

use super::CodecError;
use super::lexer::{is_name_char, is_name_start};
use crate::element::text::is_xml_char;

const PREDEFINED: [&[u8]; 5] = [b"lt", b"gt", b"amp", b"quot", b"apos"];
const MALFORMED: CodecError = CodecError::malformed("a reference that is none");
const UNDEFINED: CodecError = CodecError::restricted("an entity beyond the five of XML");

/// What was read after `&`.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reference {
    Start,
    /// The first letters of a name; no predefined one has more than four.
    Name {
        letters: [u8; 4],
        len: usize,
    },
    /// After `#`.
    Number,
    /// After `#` or `#x` and some digits.
    Digits {
        radix: u32,
        value: Option<u32>,
    },
    /// After `#x`.
    Hex,
}

impl Reference {
    /// Takes a character; `true` when it ends the reference.
    pub(super) fn push(&mut self, c: char) -> Result<bool, CodecError> {
        *self = match (*self, c) {
            (Self::Start, '#') => Self::Number,
            (Self::Start, _) if is_name_start(c) => Self::Name { letters: [0; 4], len: 0 }.with_letter(c)?,
            (Self::Number, 'x') => Self::Hex,
            (Self::Number, '0'..='9') => Self::Digits { radix: 10, value: c.to_digit(10) },
            (Self::Hex, _) if c.is_ascii_hexdigit() => Self::Digits { radix: 16, value: c.to_digit(16) },
            (Self::Digits { radix, value }, _) if c.is_digit(radix) => {
                let digit = c.to_digit(radix).unwrap_or_default();
                let value = value.and_then(|value| value.checked_mul(radix)).and_then(|value| value.checked_add(digit));
                Self::Digits { radix, value }
            }
            (Self::Digits { value, .. }, ';') => {
                let named = value.and_then(char::from_u32).filter(|c| is_xml_char(*c));
                return if named.is_some() { Ok(true) } else { Err(CodecError::malformed("a forbidden character")) };
            }
            (Self::Name { letters, len }, ';') => {
                let is_known = letters.get(..len).is_some_and(|name| PREDEFINED.contains(&name));
                return if is_known { Ok(true) } else { Err(UNDEFINED) };
            }
            (name @ Self::Name { .. }, _) if is_name_char(c) => name.with_letter(c)?,
            (Self::Start | Self::Name { .. } | Self::Number | Self::Digits { .. } | Self::Hex, _) => {
                return Err(MALFORMED);
            }
        };
        Ok(false)
    }

    fn with_letter(self, c: char) -> Result<Self, CodecError> {
        let Self::Name { mut letters, len } = self else { return Err(MALFORMED) };
        let letter = u8::try_from(c).ok().filter(u8::is_ascii);
        match (letters.get_mut(len), letter) {
            (Some(place), Some(letter)) => *place = letter,
            (None, _) | (_, None) => return Err(UNDEFINED),
        }
        Ok(Self::Name { letters, len: len + 1 })
    }
}
