//! User keys (DESIGN §3): the public keys of an app's back-end, by which user tokens are checked.

use std::fmt;
use std::str::FromStr;

use crate::{AppId, Timestamp};

/// A user key: nothing of it is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserKey {
    /// Its id: the `kid` of the tokens that it signs.
    pub id: String,
    /// The app whose users it names.
    pub app: AppId,
    /// What it signs with.
    pub algorithm: TokenAlgorithm,
    /// The public key: a `SubjectPublicKeyInfo` (RFC 5280 §4.1) in DER.
    pub public_key: Vec<u8>,
    /// What an operator calls it.
    pub label: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked: its tokens bind nobody since, and who was bound before stays.
    pub revoked_at: Option<Timestamp>,
}

/// The signatures of user tokens (RFC 7518 §3.1, RFC 8037 §3.1). A key has one of them, and its tokens have no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenAlgorithm {
    /// Ed25519.
    EdDsa,
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
}

impl TokenAlgorithm {
    /// Each of them.
    pub const ALL: [Self; 3] = [Self::EdDsa, Self::Es256, Self::Rs256];

    /// Its name in a token's header.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
        }
    }
}

impl fmt::Display for TokenAlgorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenAlgorithm {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str() == text).ok_or(())
    }
}
