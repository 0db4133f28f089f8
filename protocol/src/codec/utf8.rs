//! UTF-8 byte by byte: bad bytes are found where they stand, however the input is cut.

use super::CodecError;

const BAD: CodecError = CodecError::malformed("not UTF-8");

/// A character that is not complete.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Utf8 {
    /// Continuation bytes still to come.
    missing: u8,
    bits: u32,
    /// The bounds of the next continuation byte, which exclude overlong forms, surrogates and what lies above U+10FFFF.
    low: u8,
    high: u8,
}

impl Utf8 {
    /// Takes a byte; gives the character that it completes.
    pub(super) fn push(&mut self, byte: u8) -> Result<Option<char>, CodecError> {
        if self.missing > 0 {
            return self.push_continuation(byte);
        }
        let (missing, bits, low, high) = match byte {
            0x00..=0x7f => return Ok(Some(char::from(byte))),
            0xc2..=0xdf => (1, byte & 0x1f, 0x80, 0xbf),
            0xe0 => (2, 0, 0xa0, 0xbf),
            0xed => (2, byte & 0x0f, 0x80, 0x9f),
            0xe1..=0xef => (2, byte & 0x0f, 0x80, 0xbf),
            0xf0 => (3, 0, 0x90, 0xbf),
            0xf1..=0xf3 => (3, byte & 0x07, 0x80, 0xbf),
            0xf4 => (3, byte & 0x07, 0x80, 0x8f),
            0x80..=0xc1 | 0xf5..=0xff => return Err(BAD),
        };
        *self = Self { missing, bits: u32::from(bits), low, high };
        Ok(None)
    }

    /// Whether no character is begun.
    pub(super) const fn is_whole(&self) -> bool {
        self.missing == 0
    }

    fn push_continuation(&mut self, byte: u8) -> Result<Option<char>, CodecError> {
        if !(self.low..=self.high).contains(&byte) {
            return Err(BAD);
        }
        let bits = (self.bits << 6) | u32::from(byte & 0x3f);
        *self = Self { missing: self.missing - 1, bits, low: 0x80, high: 0xbf };
        if self.missing == 0 { char::from_u32(bits).map(Some).ok_or(BAD) } else { Ok(None) }
    }
}

#[cfg(test)]
mod tests {
    use super::Utf8;

    /// Agrees with the standard library on every sequence of up to four bytes from the interesting ones.
    #[test]
    fn decodes_what_the_standard_library_decodes() {
        let bytes = [
            0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0,
            0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ];
        let mut count = 0_u32;
        for a in bytes {
            for b in bytes {
                for c in bytes {
                    for d in bytes {
                        let sequence = [a, b, c, d];
                        assert_eq!(decode(&sequence), std::str::from_utf8(&sequence).ok().map(str::to_owned));
                        count += 1;
                    }
                }
            }
        }
        assert_eq!(count, 23_u32.pow(4));
    }

    fn decode(sequence: &[u8]) -> Option<String> {
        let mut utf8 = Utf8::default();
        let mut text = String::new();
        for byte in sequence {
            text.extend(utf8.push(*byte).ok()?);
        }
        (utf8.missing == 0).then_some(text)
    }
}
