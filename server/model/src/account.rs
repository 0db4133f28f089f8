//! Accounts: XMPP logins (DESIGN §3).

use crate::{AudienceKey, Timestamp};

/// How the name of a tag begins that stands for an alias: an alias is never a user (DESIGN §3).
pub const ALIAS: &str = "alias:";

/// An account and its SCRAM-SHA-256 verifier; the password itself is nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The localpart, prepared.
    pub name: String,
    /// SCRAM salt.
    pub salt: Vec<u8>,
    /// PBKDF2 rounds.
    pub iterations: u32,
    /// `StoredKey` (RFC 5802 §3).
    pub stored_key: [u8; 32],
    /// `ServerKey` (RFC 5802 §3).
    pub server_key: [u8; 32],
    /// When it was made.
    pub created_at: Timestamp,
    /// A disabled account cannot log in.
    pub is_disabled: bool,
    /// The id of the app key that admitted it; none when an operator made it, or registration was open.
    pub app_key: Option<String>,
}

/// The account of an original androidpn client: its digest (XEP-0078) needs the password itself, which is kept encrypted (DESIGN §3). It
/// logs in by `jabber:iq:auth` and in no other way, and gets pushes and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct AndroidpnAccount {
    /// The localpart, prepared.
    pub name: String,
    /// The password, encrypted under a key that is not in the store.
    pub sealed_password: Vec<u8>,
    /// The mail address that the client gave.
    pub email: Option<String>,
    /// The name of a person that the client gave.
    pub full_name: Option<String>,
    /// When it was made, here or on the server that it came from.
    pub created_at: Timestamp,
    /// The tags that its client has claimed for itself, its alias among them; never one that an operator set.
    pub claimed: Vec<AudienceKey>,
    /// A disabled account cannot log in.
    pub is_disabled: bool,
}

/// Shows neither the password nor who it is.
impl std::fmt::Debug for AndroidpnAccount {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AndroidpnAccount").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The current and the newest FAST token of a device (XEP-0484); the tokens themselves are derived (DESIGN §3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FastTokens {
    /// The SASL mechanism they are for, e.g. `HT-SHA-256-EXPR`.
    pub mechanism: String,
    /// The one that the device is known to hold.
    pub current: Option<FastToken>,
    /// The one that was issued last and not used yet.
    pub newest: Option<FastToken>,
}

/// One issue of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FastToken {
    /// Its number, part of the derivation.
    pub issue: u64,
    /// From this instant on it is refused.
    pub expires_at: Timestamp,
}
