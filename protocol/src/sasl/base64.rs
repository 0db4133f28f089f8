//! Base64 of SASL data in XML: canonical, padded, without whitespace (RFC 6120 §6.4.2).

use ::base64::Engine as _;
use ::base64::engine::general_purpose::STANDARD;

/// Encodes; nothing becomes the empty string (SASL2).
#[must_use]
pub fn encode(data: &[u8]) -> String {
    STANDARD.encode(data)
}

/// Encodes; empty data becomes `=`, which an absent element is not (RFC 6120 §6.4.2).
#[must_use]
pub fn encode_or_equals(data: &[u8]) -> String {
    if data.is_empty() { "=".to_owned() } else { encode(data) }
}

/// Decodes; `None` when the text is not canonical Base64.
#[must_use]
pub fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// Decodes, reading `=` as empty data.
#[must_use]
pub fn decode_or_equals(text: &str) -> Option<Vec<u8>> {
    if text == "=" { Some(Vec::new()) } else { decode(text) }
}

#[cfg(test)]
mod tests {
    use super::{decode, decode_or_equals, encode, encode_or_equals};

    #[test]
    fn empty_data_is_an_equals_sign_in_classic_sasl() {
        assert_eq!((encode(b"").as_str(), encode_or_equals(b"").as_str()), ("", "="));
        assert_eq!((decode("="), decode_or_equals("=")), (None, Some(Vec::new())));
        assert_eq!(decode_or_equals(&encode_or_equals(b"\0a\0b")), Some(b"\0a\0b".to_vec()));
    }

    #[test]
    fn refuses_what_is_not_canonical() {
        for wrong in ["A", "AA", "AB==", "A A=", "AAAA\n", "AA-_", "===="] {
            assert_eq!(decode(wrong), None, "{wrong:?}");
        }
    }
}
