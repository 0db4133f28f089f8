//! HT-SHA-256 (draft-schmaus-kitten-sasl-ht): login by a FAST token in one message each way.
//!
//! Both sides prove the token by an HMAC over a fixed word and the channel-binding data, empty for `-NONE`.

use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

use super::{HT_SHA_256_EXPR, HT_SHA_256_NONE, SaslCondition};

/// The mechanisms of the family that are served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HtMechanism {
    /// Without channel binding.
    None,
    /// Bound to the TLS connection by `tls-exporter`.
    Exporter,
}

impl HtMechanism {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => HT_SHA_256_NONE,
            Self::Exporter => HT_SHA_256_EXPR,
        }
    }

    /// The mechanism called `name`.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::None, Self::Exporter].into_iter().find(|mechanism| mechanism.name() == name)
    }

    /// The channel-binding data to use, given what the connection exports; `None` when it is needed and missing.
    #[must_use]
    pub const fn binding(self, exporter: Option<&[u8]>) -> Option<&[u8]> {
        match self {
            Self::None => Some(&[]),
            Self::Exporter => exporter,
        }
    }
}

/// The client's message: `authcid NUL HMAC(token, "Initiator" || binding)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Initiator {
    /// The name.
    pub authcid: String,
    proof: [u8; 32],
}

impl Initiator {
    /// Proves `token` for `authcid`.
    #[must_use]
    pub fn new(authcid: impl Into<String>, token: &[u8], binding: &[u8]) -> Self {
        Self { authcid: authcid.into(), proof: keyed(token, b"Initiator", binding) }
    }

    /// Reads the message.
    ///
    /// # Errors
    /// `malformed-request` when it is not a name, a NUL and 32 bytes.
    pub fn parse(data: &[u8]) -> Result<Self, SaslCondition> {
        let parts = data.iter().position(|byte| *byte == 0).and_then(|nul| data.split_at_checked(nul));
        let (authcid, rest) = parts.ok_or(SaslCondition::MalformedRequest)?;
        let proof = rest.get(1..).and_then(|proof| proof.try_into().ok()).ok_or(SaslCondition::MalformedRequest)?;
        let authcid = std::str::from_utf8(authcid).map_err(|_| SaslCondition::MalformedRequest)?;
        if authcid.is_empty() {
            return Err(SaslCondition::MalformedRequest);
        }
        Ok(Self { authcid: authcid.to_owned(), proof })
    }

    /// The message.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        [self.authcid.as_bytes(), b"\0", &self.proof].concat()
    }

    /// Whether the client has `token`; in constant time.
    #[must_use]
    pub fn proves(&self, token: &[u8], binding: &[u8]) -> bool {
        keyed(token, b"Initiator", binding).ct_eq(&self.proof).into()
    }
}

/// The server's proof, sent with success: `HMAC(token, "Responder" || binding)`.
#[must_use]
pub fn responder(token: &[u8], binding: &[u8]) -> [u8; 32] {
    keyed(token, b"Responder", binding)
}

/// Whether the server has `token` too; in constant time.
#[must_use]
pub fn is_responder(data: &[u8], token: &[u8], binding: &[u8]) -> bool {
    responder(token, binding).ct_eq(data).into()
}

fn keyed(token: &[u8], word: &[u8], binding: &[u8]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(token).expect("HMAC takes keys of any length");
    mac.update(word);
    mac.update(binding);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::{HtMechanism, Initiator, is_responder, responder};
    use crate::sasl::base64;

    /// Computed with another implementation (Python's `hmac`).
    #[test]
    fn messages_have_known_bytes() {
        let initiator = Initiator::new("alice", b"token", b"");
        insta::assert_snapshot!(base64::encode(&initiator.to_bytes()), @"YWxpY2UA0k2VSC8NbgNcVueH2sTtgyvdhO4+okKqrdmCJwwzAAY=");
        insta::assert_snapshot!(base64::encode(&responder(b"token", &[7; 32])), @"5R6+mZ+tESeqnvkhT/0l/CXp1QCOrlur+P89vitRn+U=");
    }

    #[test]
    fn proves_the_token_and_the_binding() {
        let sent = Initiator::new("alice", b"token", &[1; 32]).to_bytes();
        let read = Initiator::parse(&sent).expect("a message");
        assert_eq!(read.authcid, "alice");
        assert!(read.proves(b"token", &[1; 32]));
        assert!(!read.proves(b"token", &[2; 32]));
        assert!(!read.proves(b"token", b""));
        assert!(!read.proves(b"tokem", &[1; 32]));
        let answer = responder(b"token", &[1; 32]);
        assert!(is_responder(&answer, b"token", &[1; 32]));
        assert!(!is_responder(&answer, b"token", &[2; 32]));
        assert!(!is_responder(b"", b"token", &[1; 32]));
    }

    #[test]
    fn refuses_other_shapes() {
        let proof = [0; 33];
        let unnamed = [b"\0".as_slice(), &[1; 32]].concat();
        let wrong: [&[u8]; 5] = [b"", b"alice", b"alice\0", &proof, &unnamed];
        for data in wrong {
            assert!(Initiator::parse(data).is_err(), "{data:?}");
        }
    }

    #[test]
    fn binding_is_needed_where_the_name_says_so() {
        assert_eq!(HtMechanism::from_name("HT-SHA-256-EXPR"), Some(HtMechanism::Exporter));
        assert_eq!(HtMechanism::from_name("HT-SHA-256-ENDP"), None);
        assert_eq!(HtMechanism::Exporter.binding(None), None);
        assert_eq!(HtMechanism::Exporter.binding(Some(&[1])), Some([1].as_slice()));
        assert_eq!(HtMechanism::None.binding(Some(&[1])), Some([].as_slice()));
    }
}
