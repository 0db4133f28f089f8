//! Identifiers. Randomness and time are arguments.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Timestamp;

/// A tenant and its client application; the first one, `default`, is 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AppId(pub u32);

impl AppId {
    /// The app that exists from the first start.
    pub const DEFAULT: Self = Self(1);
    /// Its name.
    pub const DEFAULT_NAME: &'static str = "default";
}

/// The text is not a UUID.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID such as 01939d3e-7c1a-7e55-8d1f-0d3c5a0b9e11")]
pub struct IdError;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// From the 16 bytes that a store keeps.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Uuid::from_bytes(bytes))
            }

            /// The 16 bytes, big-endian.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                // Only the canonical form: one name for one thing, in URLs and in audience keys.
                match Uuid::try_parse(text) {
                    Ok(id) if *id.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == *text => Ok(Self(id)),
                    Ok(_) | Err(_) => Err(IdError),
                }
            }
        }
    };
}

uuid_id! {
    /// A notification's, update's or recall's id: `UUIDv7`, made before the insert (DESIGN rule 1).
    EntryId
}

uuid_id! {
    /// The server's own id of a device (one installation of one app): a random UUID.
    DeviceId
}

impl EntryId {
    /// A `UUIDv7` (RFC 9562 §5.7) of the instant and 80 random bits.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now.as_millis()).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }
}

impl DeviceId {
    /// A random UUID (version 4) of the given bytes.
    #[must_use]
    pub fn new(random: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(random).into_uuid())
    }

    /// Of its own text, which is not looked at twice; none for what is no UUID at all.
    pub(crate) fn of_canonical(text: &str) -> Option<Self> {
        Uuid::try_parse(text).ok().map(Self)
    }

    /// Room for its text.
    #[must_use]
    pub const fn encode_buffer() -> [u8; 36] {
        [0; 36]
    }

    /// Its text, in `buffer`.
    pub fn encode<'a>(&self, buffer: &'a mut [u8; 36]) -> &'a str {
        self.0.hyphenated().encode_lower(buffer)
    }
}

/// One uninterrupted life of the store's timeline (DESIGN rule 6); 64 random bits, 16 hex digits in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GenerationId(pub u64);

impl fmt::Display for GenerationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for GenerationId {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        u64::from_str_radix(text, 16).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_ids_sort_by_time_and_read_back() {
        let early = EntryId::new(Timestamp::from_millis(1), [0xff; 10]);
        let late = EntryId::new(Timestamp::from_millis(2), [0; 10]);
        assert!(early < late);
        assert_eq!(late.to_string().parse(), Ok(late));
        let text = "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b";
        assert!(text.parse::<EntryId>().is_ok());
        assert_eq!(text.to_uppercase().parse::<EntryId>(), Err(IdError));
        assert_eq!(text.replace('-', "").parse::<EntryId>(), Err(IdError));
    }
}
