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
    exact: Option<(u64, u64)>,
    floor_ms: u64,
}

impl ServerClock {
    /// The clock of a process that begins: exact when the anchor is of this boot, else a lower bound.
    #[must_use]
    pub fn restore(anchor: Option<&Anchor>, boot_id: &str, now_ms: u64) -> Self {
        match anchor {
            Some(a) if a.boot_id == boot_id && a.boot_ms <= now_ms => {
                Self { exact: Some((a.server_ms, a.boot_ms)), floor_ms: a.server_ms }
            }
            Some(a) => Self { exact: None, floor_ms: a.server_ms },
            None => Self::default(),
        }
    }

    /// Takes the time that the server told at `now_ms`.
    pub fn set(&mut self, server_ms: u64, now_ms: u64) {
        *self = Self { exact: Some((server_ms, now_ms)), floor_ms: server_ms };
    }

    /// Server time in Unix milliseconds. Before the first login after a boot it is the last that is known: a lower bound,
    /// by which nothing is called expired that is not.
    #[must_use]
    pub fn at(&self, now_ms: u64) -> u64 {
        self.exact.map_or(self.floor_ms, |(server, since)| server.saturating_add(now_ms.saturating_sub(since)))
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
        assert_eq!(ServerClock::restore(Some(&anchor), "a", 2_500).at(3_500), 1_003_000);
    }

    #[test]
    fn after_a_boot_the_last_known_time_is_a_lower_bound() {
        let anchor = Anchor { server_ms: 1_000_000, boot_ms: 500, boot_id: "a".into() };
        assert_eq!(ServerClock::restore(Some(&anchor), "b", 9_000_000).at(9_999_999), 1_000_000);
        assert_eq!(ServerClock::restore(None, "b", 9_000_000).at(9_999_999), 0);
    }
}
