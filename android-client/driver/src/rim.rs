//! Where the clock and the randomness of a host enter.

use std::path::Path;

use longwire_client::Random;
use rustix::time::{ClockId, clock_gettime};

/// The boot clock: monotonic, and counting sleep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BootClock {
    boot_id: String,
}

impl BootClock {
    /// The clock of this boot of the machine.
    #[must_use]
    pub fn new() -> Self {
        let path = Path::new("/proc/sys/kernel/random/boot_id");
        // Without it no two processes share a clock: server time is then known from the first login on.
        let boot_id = std::fs::read_to_string(path).unwrap_or_else(|_| random_hex());
        Self { boot_id: boot_id.trim().to_owned() }
    }

    /// The clock of a boot that the platform names.
    #[must_use]
    pub const fn of_boot(boot_id: String) -> Self {
        Self { boot_id }
    }

    /// Identifies the boot that the clock counts from.
    #[must_use]
    pub fn boot_id(&self) -> &str {
        &self.boot_id
    }

    /// Milliseconds since the boot.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        let now = clock_gettime(ClockId::Boottime);
        let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
        let nanos = u64::try_from(now.tv_nsec).unwrap_or_default();
        seconds * 1_000 + nanos / 1_000_000
    }
}

impl Default for BootClock {
    fn default() -> Self {
        Self::new()
    }
}

/// The operating system's randomness.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OsRandom;

impl Random for OsRandom {
    #[expect(clippy::disallowed_methods, reason = "the rim of the client: randomness enters here")]
    fn fill(&mut self, bytes: &mut [u8]) {
        getrandom::fill(bytes).expect("the operating system has randomness");
    }
}

/// 64 random bits as text.
#[must_use]
pub fn random_hex() -> String {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes);
    format!("{:016x}", u64::from_le_bytes(bytes))
}
