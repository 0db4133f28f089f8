//! The grammar of SCRAM's messages (RFC 5802 §7).

use crate::sasl::TLS_EXPORTER;

/// The value of `attribute=value` when `part` has that attribute.
pub(super) fn value(part: Option<&str>, attribute: char) -> Option<&str> {
    part?.strip_prefix(attribute)?.strip_prefix('=')
}

/// A nonce: printable ASCII without comma, not empty.
pub(super) fn is_nonce(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x21..=0x2b | 0x2d..=0x7e))
}

/// An extension that may be passed over: a letter, an equals sign and a value; `m` marks one that may not (RFC 5802 §5.1).
pub(super) fn is_extension(part: &str) -> bool {
    let mut chars = part.chars();
    let is_optional = chars.next().is_some_and(|name| name.is_ascii_alphabetic() && name != 'm');
    is_optional && chars.next() == Some('=') && chars.next().is_some()
}

/// A name with `=2C` and `=3D` for comma and equals sign.
pub(super) fn escape_name(name: &str) -> String {
    name.replace('=', "=3D").replace(',', "=2C")
}

/// The name behind its escapes; `None` when it is empty or an equals sign stands alone.
pub(super) fn unescape_name(text: &str) -> Option<String> {
    let mut name = String::with_capacity(text.len());
    let mut parts = text.split('=');
    name.push_str(parts.next()?);
    for part in parts {
        let (c, rest) = part
            .strip_prefix("2C")
            .map(|rest| (',', rest))
            .or_else(|| part.strip_prefix("3D").map(|rest| ('=', rest)))?;
        name.push(c);
        name.push_str(rest);
    }
    (!name.is_empty() && !name.contains('\0')).then_some(name)
}

/// The flag of the GS2 header: what a client says about channel binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gs2Flag {
    /// `n`: the client cannot.
    None,
    /// `y`: the client can, but thinks that the server cannot.
    NotOffered,
    /// `p=tls-exporter`.
    Exporter,
}

impl Gs2Flag {
    pub(super) fn text(self) -> String {
        match self {
            Self::None => "n".to_owned(),
            Self::NotOffered => "y".to_owned(),
            Self::Exporter => format!("p={TLS_EXPORTER}"),
        }
    }
}

/// Base64 of header and binding data, the value of `c=`.
pub(super) fn binding_input(header: &str, data: &[u8]) -> String {
    crate::sasl::base64::encode(&[header.as_bytes(), data].concat())
}
