//! Who the device is: installation, account, FAST token and cursor.

use longwire_protocol::push::{Bound, Cursor, Lane};

use crate::backoff::Conflicts;
use crate::clock::Anchor;
use crate::inbox::Change;

/// One installation of the app; never cleared by a refused password.
#[derive(Clone, PartialEq, Eq)]
pub struct Installation {
    /// The user-agent id, a UUID, public.
    pub user_agent: String,
    /// 128 random bits that prove the installation to the server.
    pub secret: [u8; 16],
}

impl Installation {
    /// An installation made of random bytes.
    #[must_use]
    pub fn from_random(user_agent: [u8; 16], secret: [u8; 16]) -> Self {
        Self { user_agent: uuid::Builder::from_random_bytes(user_agent).into_uuid().to_string(), secret }
    }
}

impl std::fmt::Debug for Installation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Installation").field("user_agent", &self.user_agent).finish_non_exhaustive()
    }
}

/// An XMPP account, stored before it is registered.
#[derive(Clone, PartialEq, Eq)]
pub struct Account {
    /// The local part of its address.
    pub name: String,
    /// Its password.
    pub password: String,
    /// Whether the server is known to have it.
    pub is_registered: bool,
}

impl Account {
    /// A new account made of random bytes.
    #[must_use]
    pub fn from_random(random: &[u8; 32]) -> Self {
        let (name, password) = random.split_at(12);
        Self { name: format!("d{}", hex(name)), password: hex(password), is_registered: false }
    }
}

impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account").field("is_registered", &self.is_registered).finish_non_exhaustive()
    }
}

/// A token that replaces the password in the next login (XEP-0484).
#[derive(Clone, PartialEq, Eq)]
pub struct FastToken {
    /// The token.
    pub token: String,
    /// The mechanism that it was issued for.
    pub mechanism: String,
    /// When it expires, in Unix milliseconds of the server.
    pub expires_ms: u64,
}

impl std::fmt::Debug for FastToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FastToken").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// Everything durable that is not a row.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The installation, made at the first start.
    pub installation: Option<Installation>,
    /// The account.
    pub account: Option<Account>,
    /// The FAST token.
    pub token: Option<FastToken>,
    /// The cursor; none before the first login of an installation.
    pub cursor: Option<Cursor>,
    /// The server's id of the device.
    pub device: Option<String>,
    /// The user that the device is bound to.
    pub user: Option<String>,
    /// Server time at a moment of the boot clock.
    pub anchor: Option<Anchor>,
    /// The latest server time that a durable step knew, in Unix milliseconds: after a boot a lower bound.
    pub known_ms: u64,
    /// The conflicts that this device met.
    pub conflicts: Conflicts,
    /// How many passwords were refused in a row.
    pub refusals: u32,
}

impl Record {
    /// Applies what a change means for the record; the same in every store and in the machine.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::Installation(installation) => {
                (self.installation, self.token) = (Some(installation.clone()), None);
                (self.cursor, self.device, self.user) = (None, None, None);
            }
            Change::Account(account) => (self.account, self.token) = (account.clone(), None),
            Change::Registered => self.confirm_account(),
            Change::ForgetToken => self.token = None,
            Change::Conflicts(conflicts) => self.conflicts = *conflicts,
            Change::Refusals(refusals) => self.refusals = *refusals,
            Change::Bound { bound, token, anchor } => self.bind(bound, token.as_ref(), anchor),
            Change::Cursor { lane, seq } => self.advance(*lane, *seq),
            Change::User(user) => self.user.clone_from(user),
            Change::Network(_)
            | Change::Keep(_)
            | Change::Row(..)
            | Change::Report(_)
            | Change::Reported(_)
            | Change::Prune { .. } => {}
        }
    }

    /// A durable step that moved the cursor knew this server time.
    pub fn know(&mut self, server_ms: u64) {
        if self.cursor.is_some() {
            self.known_ms = self.known_ms.max(server_ms);
        }
    }

    fn confirm_account(&mut self) {
        if let Some(account) = &mut self.account {
            account.is_registered = true;
        }
    }

    fn bind(&mut self, bound: &Bound, token: Option<&FastToken>, anchor: &Anchor) {
        self.cursor = Some(bound.cursor);
        self.device = Some(bound.device.clone());
        self.user.clone_from(&bound.user);
        self.anchor = Some(anchor.clone());
        // The server's own word, also when it set its clock back.
        self.known_ms = anchor.server_ms;
        self.refusals = 0;
        self.token = token.cloned().or(self.token.take());
        self.confirm_account();
    }

    fn advance(&mut self, lane: Lane, seq: u64) {
        let Some(cursor) = &mut self.cursor else { return };
        let position = match lane {
            Lane::Normal => &mut cursor.normal,
            Lane::Background => &mut cursor.background,
        };
        *position = seq.max(*position);
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let digits = b"0123456789abcdef";
        for nibble in [byte >> 4, byte & 15] {
            text.push(char::from(*digits.get(usize::from(nibble)).expect("a nibble is below 16")));
        }
        text
    })
}
