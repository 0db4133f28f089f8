//! The push extension `urn:longwire:push:1`: login, entries, acknowledgements, events.
//!
//! | old/new | reader | writer |
//! |---|---|---|
//! | new element or attribute of version 1 | ignored | must not change what the others mean |
//! | unknown entry `kind` or `lane` | the entry is unusable, its `seq` counts ([`EntryHead`]) | |

mod ack;
mod entry;
mod event;
mod field;
mod login;
mod request;
mod retry;
mod seqs;

pub use ack::{Ack, CursorMoved};
pub use entry::{Entry, EntryContent, EntryHead};
pub use event::{DeviceEvent, DeviceEventType, EVENT_TEXT_BYTES_MAX, is_action_id};
pub use login::{Bound, Cursor, HeartbeatChanged, Login, UserChanged};
pub use request::{Memberships, Request, UserToken};
pub use retry::Retry;
pub use seqs::{SeqSet, SeqSetError};

use std::fmt;
use std::str::FromStr;

/// One heartbeat: this byte each way, between first-level elements of a push session.
pub const HEARTBEAT: u8 = b' ';

/// The two lanes (DESIGN rule 5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lane {
    /// Sent at once.
    Normal,
    /// May wait for the next heartbeat.
    Background,
}

impl Lane {
    /// Its name on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Background => "background",
        }
    }
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not one of the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a known name")]
pub struct UnknownName;

impl FromStr for Lane {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        match text {
            "normal" => Ok(Self::Normal),
            "background" => Ok(Self::Background),
            _ => Err(UnknownName),
        }
    }
}

/// The longest text of a generation, in bytes.
const GENERATION_BYTES_MAX: usize = 64;

/// The id of a generation (DESIGN rule 6). The server writes 16 lower-case hexadecimal digits; to clients it is opaque: any other text of
/// 1 to 64 visible ASCII characters reads as [`Generation::FOREIGN`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(pub u64);

impl Generation {
    /// A generation that no server gives out, and so one that each server does not know.
    pub const FOREIGN: Self = Self(0);
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Generation {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        if text.is_empty() || text.len() > GENERATION_BYTES_MAX || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(UnknownName);
        }
        let is_ours = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let value = is_ours.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        Ok(value.map_or(Self::FOREIGN, Self))
    }
}

#[cfg(test)]
mod tests;
