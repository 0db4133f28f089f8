//! Where the clocks and the randomness of a host enter.

pub use longwire_driver::rim::{BootClock, OsRandom, random_hex};

/// Wall-clock time in Unix milliseconds, for people who read a screen file; nothing is decided by it.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the rim of the client: a screen line carries the time for people")]
pub fn wall_clock_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
