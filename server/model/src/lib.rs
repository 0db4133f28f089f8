//! The nouns of Longwire's server: pure data and pure decisions, without I/O, clock or randomness.
#![forbid(unsafe_code)]

pub mod account;
pub mod api_key;
pub mod app_key;
pub mod audience;
pub mod cursor;
pub mod delivery;
pub mod device;
pub mod entry;
pub mod filter;
pub mod id;
pub mod limits;
pub mod membership;
pub mod memberships;
pub mod notification;
pub mod pattern;
pub mod session;
pub mod time;
pub mod user_key;

pub use account::{Account, AndroidpnAccount};
pub use api_key::{ApiKey, Scope};
pub use app_key::AppKey;
pub use audience::{AudienceKey, KeyKind};
pub use cursor::{Cursor, LaneSeqs, SeqRange, Seqs};
pub use device::{Device, DeviceKind};
pub use entry::{Entry, EntryKind, Lane, MembershipChange, Target};
pub use filter::Filter;
pub use id::{AppId, DeviceId, EntryId, GenerationId};
pub use membership::{KeyHead, Membership};
pub use memberships::Memberships;
pub use notification::Notification;
pub use pattern::NamePattern;
pub use session::{Held, Rest, Session, SessionEnd};
pub use time::Timestamp;
pub use user_key::{TokenAlgorithm, UserKey};

/// A position in an app's log: dense, starting at 1; 0 stands before the first entry (DESIGN rule 1).
pub type Seq = u64;
