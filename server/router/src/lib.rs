//! One node's shard of sessions: who is sent which entry when, and what an acknowledgement means (DESIGN rules 3 to 12).
//! Pure: batches, pages, acknowledgements and time come in, [`Output`]s go out; the driver owns sockets and the store.

#![forbid(unsafe_code)]

mod acknowledge;
pub mod bind;
mod catch_up;
pub mod cursor;
pub mod live;
pub mod output;
pub mod recent;

mod session;
pub mod shard;
pub mod verdict;

pub use bind::{Bind, SessionKind};
pub use output::{Bound, CloseReason, Output};
pub use shard::{Batch, Now, SessionKey, Shard, Stated, Stats, Violation};

/// Entries that a session may have unacknowledged (DESIGN rule 8).
pub const WINDOW_ENTRIES: usize = 64;
/// Bytes that a session may have unacknowledged (DESIGN rule 8).
pub const WINDOW_BYTES: usize = 256 * 1024;
/// Milliseconds for which a full window may stay unacknowledged (DESIGN rule 8).
pub const STALL_MS: u64 = 30_000;
/// Milliseconds that a client without our extension has to answer the ping behind a push.
pub const ANSWER_MS: u64 = 60_000;
/// Milliseconds for which an original androidpn client is left in peace after its presence: it says that it is available before it
/// listens to notifications, and its library answers the ping behind one that nobody listened to.
pub const SETTLE_MS: u64 = 1_000;
/// Background entries are flushed so many milliseconds before the first of them expires.
pub const FLUSH_MARGIN_MS: i64 = 10_000;
/// Rows of the log that one read asks for: a window's worth.
pub const PAGE_ROWS: u32 = 64;
/// Sessions of a client without our extension that may see the same oldest entry without acknowledging it (DESIGN rule 10).
pub const ATTEMPTS_MAX: u32 = 3;
