//! Server time on a device: what `<bound time>` said plus the time that has passed since; never the wall clock (DESIGN §6).

/// A reading that survives the process: server time at a reading of the boot clock, which counts sleep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Server time in Unix milliseconds.
    pub server_ms: u64,
    /// The boot clock at that moment, in milliseconds.
    pub boot_ms: u64,
    /// Which boot of the machine the clock belongs to.
    pub boot_id: String,
}

/// Server time as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServerClock {
    /// Server time at a reading of the boot clock.
    since: Option<(u64, u64)>,
}

impl ServerClock {
    /// The clock of a process that begins: exact when the anchor is of this boot. After another boot nobody knows how long the
    /// machine was off: what runs on from `known_ms`, the last server time that was stored, is a lower bound.
    #[must_use]
    pub fn restore(anchor: Option<&Anchor>, known_ms: u64, boot_id: &str, now_ms: u64) -> Self {
        let since = anchor.map(|anchor| {
            let is_exact = anchor.boot_id == boot_id && anchor.boot_ms <= now_ms;
            if is_exact { (anchor.server_ms, anchor.boot_ms) } else { (known_ms.max(anchor.server_ms), now_ms) }
        });
        Self { since }
    }

    /// Takes the time that the server told at `now_ms`.
    pub fn set(&mut self, server_ms: u64, now_ms: u64) {
        self.since = Some((server_ms, now_ms));
    }

    /// Server time in Unix milliseconds; 0 before the first login. Before the first login after a boot it is a lower bound, by
    /// which nothing is called expired that is not.
    #[must_use]
    pub fn at(&self, now_ms: u64) -> u64 {
        self.since.map_or(0, |(server, since)| server.saturating_add(now_ms.saturating_sub(since)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_time_runs_on_with_the_elapsed_time() {
        let mut clock = ServerClock::default();
        clock.set(1_000_000, 50);
        assert_eq!(clock.at(1_050), 1_001_000);
    }

    #[test]
    fn a_process_that_restarts_in_the_same_boot_knows_the_time() {
        let anchor = Anchor { server_ms: 1_000_000, boot_ms: 500, boot_id: "a".into() };
        let clock = ServerClock::restore(Some(&anchor), 1_000_900, "a", 2_500);
        assert_eq!(clock.at(3_500), 1_003_000);
    }

    #[test]
    fn after_a_boot_what_runs_on_from_the_last_stored_time_is_a_lower_bound() {
        let anchor = Anchor { server_ms: 1_000_000, boot_ms: 500, boot_id: "a".into() };
        let clock = ServerClock::restore(Some(&anchor), 1_700_000, "b", 9_000_000);
        assert_eq!((clock.at(9_000_000), clock.at(9_000_300)), (1_700_000, 1_700_300));
        // A clock of the same boot that ran backwards is no clock of the same boot.
        assert_eq!(ServerClock::restore(Some(&anchor), 0, "a", 400).at(410), 1_000_010);
        assert_eq!(ServerClock::restore(None, 0, "b", 9_000_000).at(9_999_999), 0);
    }
}
