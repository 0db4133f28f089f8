//! Devices: one installation of one app (DESIGN §3).

use crate::{AppId, DeviceId, GenerationId, LaneSeqs, Membership, Seq, Timestamp};

/// A device's record as a store holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// The server's own id.
    pub id: DeviceId,
    /// Its app.
    pub app: AppId,
    /// The user name (localpart) of the account it belongs to.
    pub account: String,
    /// How it is told apart from the account's other devices.
    pub kind: DeviceKind,
    /// When it registered.
    pub created_at: Timestamp,
    /// Up to where it has acknowledged, as recorded; never goes back (DESIGN rule 9).
    pub recorded: LaneSeqs,
    /// Every membership that is open, or left and still within retention.
    pub memberships: Vec<Membership>,
    /// When anything was last received from it.
    pub last_seen: Option<Timestamp>,
    /// Since when it has no session; none while it has one or never had one.
    pub offline_since: Option<Timestamp>,
    /// When it has promised to be heard of next; of a device without a session what it promised last.
    pub next_contact: Option<Timestamp>,
    /// Of a client without the push extension: the oldest unacknowledged entry and the sessions that saw it (DESIGN rule 10).
    pub attempts: Option<Attempts>,
    /// SHA-256 of the installation secret; none for clients without the push extension.
    pub installation_hash: Option<[u8; 32]>,
}

/// How a device is told apart within its account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DeviceKind {
    /// Speaks the push extension: named by its SASL2 user-agent id.
    Push(String),
    /// Any other XMPP client with a resource of its own choosing.
    Resource(String),
    /// Any other XMPP client whose resource the server chose: one device per account.
    Shared,
    /// An original androidpn client: one device per account, whatever its resource.
    Androidpn,
}

/// Sessions in which a client without our extension was sent an entry, said something after it, and did not acknowledge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempts {
    /// The entry's position.
    pub seq: Seq,
    /// How many such sessions there were.
    pub sessions: u32,
}

impl DeviceKind {
    /// Whether the device holds its cursor itself.
    #[must_use]
    pub const fn is_push(&self) -> bool {
        matches!(self, Self::Push(_))
    }
}

impl Device {
    /// The user that the device is bound to, as of its memberships.
    #[must_use]
    pub fn user(&self) -> Option<&str> {
        self.open("user").next()
    }

    /// The names of its open memberships of one kind (`topic`, `tag`).
    pub fn open<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a str> {
        self.memberships
            .iter()
            .filter(|membership| membership.left.is_none())
            .filter_map(move |membership| membership.key.as_str().strip_prefix(kind)?.strip_prefix(':'))
    }
}

/// A generation and the position of its entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generation {
    /// Its id.
    pub id: GenerationId,
    /// The position of the entry that began it.
    pub seq: Seq,
}
