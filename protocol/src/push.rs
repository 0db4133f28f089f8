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
mod retry;
mod seqs;

pub use ack::{Ack, CursorMoved};
pub use entry::{Entry, EntryContent, EntryHead};
pub use event::{DeviceEvent, DeviceEventType};
pub use login::{Bound, Cursor, Login, UserChanged};
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

/// The id of a generation (DESIGN rule 6): 16 lower-case hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(pub u64);

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Generation {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let is_plain = text.len() == 16 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        let value = is_plain.then(|| u64::from_str_radix(text, 16).ok()).flatten();
        value.map(Self).ok_or(UnknownName)
    }
}

#[cfg(test)]
mod tests;
