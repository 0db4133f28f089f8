//! What all streams of a server have in common, shared by reference.

use longwire_protocol::Jid;
use longwire_protocol::jid::{BareJid, DomainRef};

/// Milliseconds from the connection to the client's stream header.
pub const HEADER_MS: u64 = 10_000;
/// Milliseconds from the connection to the end of the negotiation.
pub const NEGOTIATION_MS: u64 = 30_000;
/// Bytes that a client may send before it has a session: many times what a login needs, and twice the largest element behind it.
pub const NEGOTIATION_BYTES_MAX: usize = 512 * 1024;
/// Failed authentications on one stream; the last of them closes it (AUTH-21).
pub const AUTH_FAILURES_MAX: u8 = 3;
/// The same for original androidpn clients, which register and log in anew on the stream on which they were refused.
pub const ANDROIDPN_FAILURES_MAX: u8 = 16;
/// Milliseconds of silence after which the session of an original androidpn client is pinged: such a client says a space every 30 s.
pub(crate) const ANDROIDPN_SILENCE_MS: u64 = 120_000;
/// Refused app keys on one stream; the last of them closes it.
pub const KEY_FAILURES_MAX: u8 = 5;
/// Seconds after which to come back to an account that has as many sessions or devices as it may.
pub(crate) const FULL_RETRY_S: u32 = 60;
/// Milliseconds of silence added to twice the promised heartbeat of a push session (DESIGN §5).
pub const HEARTBEAT_GRACE_MS: u64 = 10_000;

/// Who may register an account in band (XEP-0077).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Everybody.
    Open,
    /// Whoever has shown an app key (XEP-0445) on the stream.
    AppKey,
    /// Nobody.
    Closed,
}

/// Settings and keys of the server half of every stream.
#[derive(Clone, Debug)]
pub struct Config {
    /// The domains served; the first one is the default and names the server before a client has asked for one.
    pub domains: Vec<BareJid>,
    /// Whether logins and registrations are admitted without TLS (SCRAM only).
    pub plaintext: bool,
    /// Who may register an account in band.
    pub registration: Registration,
    /// Whether original androidpn clients are served: they register and log in by rules of their own.
    pub androidpn: bool,
    /// A secret of the server, from which the salts of accounts that do not exist are derived (AUTH-17).
    pub salt_key: [u8; 32],
    /// PBKDF2 rounds that accounts which do not exist seem to have.
    pub iterations: u32,
    /// The shortest heartbeat that push sessions are asked for, seconds; none leaves it to them.
    pub heartbeat_min_s: Option<u32>,
    /// The longest heartbeat a push session may promise, seconds.
    pub heartbeat_max_s: u32,
    /// Milliseconds of silence after which another session is pinged.
    pub silence_ms: u64,
    /// Milliseconds such a session has to say anything after the ping.
    pub ping_answer_ms: u64,
}

impl Config {
    /// The defaults for one domain.
    #[must_use]
    pub fn new(domain: BareJid, salt_key: [u8; 32]) -> Self {
        Self {
            domains: vec![domain],
            plaintext: false,
            registration: Registration::Closed,
            androidpn: false,
            salt_key,
            iterations: 4096,
            heartbeat_min_s: None,
            heartbeat_max_s: 600,
            silence_ms: 300_000,
            ping_answer_ms: 60_000,
        }
    }

    /// What a promised heartbeat counts as, seconds: one outside the bounds as the nearest within, since the device may not have known
    /// them; none as the longest.
    #[must_use]
    pub fn promise_s(&self, promised_s: Option<u32>) -> u32 {
        let min_s = self.heartbeat_min_s.unwrap_or(1).max(1);
        promised_s.unwrap_or(u32::MAX).max(min_s).min(self.heartbeat_max_s)
    }

    /// The served domain that `to` names.
    pub(crate) fn served(&self, to: &Jid) -> Option<&BareJid> {
        let named = to.node().is_none() && to.resource().is_none();
        self.domains.iter().find(|domain| named && domain.domain() == to.domain())
    }

    /// Whether `domain` is served here.
    #[must_use]
    pub fn is_served(&self, domain: &DomainRef) -> bool {
        self.domains.iter().any(|served| served.domain() == domain)
    }
}
