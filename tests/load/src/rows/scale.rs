//! How much is measured: for figures, or only to show that it runs.

use std::time::Duration;

/// Files that a server and the harness need beside a connection each.
const OTHER_FILES: usize = 600;
/// Why a count is not measured for which there is no room.
pub(super) const TOO_MANY: &str = "needs more open files than there may be";

/// Counts.
#[derive(Clone, Debug)]
pub(crate) struct Scale {
    /// Connections at which memory is read, ascending.
    pub(crate) levels: Vec<usize>,
    /// Devices that are posted to, or that other clients write to.
    pub(crate) devices: usize,
    /// Posts of a closed loop.
    pub(crate) posts: u64,
    /// Stanzas to each device in a closed loop.
    pub(crate) rounds: u64,
    /// Milliseconds of an open loop.
    pub(crate) open_ms: u32,
    pub(crate) posts_per_second: u32,
    pub(crate) stanzas_per_second: u32,
    pub(crate) beats_per_second: u32,
    /// Logins of each kind.
    pub(crate) logins: usize,
    /// Sessions that beat.
    pub(crate) beating: usize,
    /// Devices that a broadcast is for.
    pub(crate) audience: usize,
    pub(crate) broadcasts: u64,
    /// Devices that were away.
    pub(crate) away: usize,
    /// Notifications that each of them missed.
    pub(crate) missed: Vec<usize>,
    /// Devices of a storm.
    pub(crate) storm: usize,
    /// Pushes to a device core by itself.
    pub(crate) device_pushes: u32,
    /// Before something is read that must have come to rest.
    pub(crate) rest: Duration,
    /// A server that has begun is at rest when it has done nothing for so long.
    pub(crate) start_rest: Duration,
    /// Open files that a process may have.
    pub(crate) files_max: usize,
}

impl Scale {
    /// For figures.
    pub(crate) fn full(files_max: usize) -> Self {
        Self {
            levels: vec![1_000, 10_000, 19_000],
            devices: 1_000,
            posts: 20_000,
            rounds: 50,
            open_ms: 10_000,
            posts_per_second: 1_000,
            stanzas_per_second: 5_000,
            beats_per_second: 1_000,
            logins: 2_000,
            beating: 10_000,
            audience: 10_000,
            broadcasts: 5,
            away: 10_000,
            missed: vec![1, 10, 1_000],
            storm: 19_000,
            device_pushes: 2_000,
            rest: Duration::from_secs(1),
            start_rest: Duration::from_millis(200),
            files_max,
        }
    }

    /// To show that it runs.
    pub(crate) fn short(files_max: usize) -> Self {
        Self {
            levels: vec![40, 120],
            devices: 20,
            posts: 100,
            rounds: 5,
            open_ms: 200,
            posts_per_second: 200,
            stanzas_per_second: 500,
            beats_per_second: 200,
            logins: 20,
            beating: 40,
            audience: 50,
            broadcasts: 1,
            away: 20,
            missed: vec![1, 10, 100],
            storm: 50,
            device_pushes: 20,
            rest: Duration::from_millis(50),
            start_rest: Duration::from_millis(20),
            files_max,
        }
    }

    /// How much an open loop does at so much a second.
    pub(super) fn open_count(&self, per_second: u32) -> u64 {
        u64::from(per_second) * u64::from(self.open_ms) / 1_000
    }

    /// The levels for which there is room, and those beyond.
    pub(super) fn levels_by_room(&self) -> (Vec<usize>, Vec<usize>) {
        self.levels.iter().partition(|level| self.has_room_for(**level))
    }

    /// Whether all counts fit.
    pub(crate) fn has_room(&self) -> bool {
        self.files_needed() <= self.files_max
    }

    /// Open files that the largest of all counts takes.
    pub(crate) fn files_needed(&self) -> usize {
        let others = [self.devices, self.beating, self.audience + 1, self.away + 1, self.storm];
        self.levels.iter().chain(&others).max().copied().unwrap_or_default() + OTHER_FILES
    }

    /// Whether a process may have so many connections.
    pub(super) const fn has_room_for(&self, connections: usize) -> bool {
        connections + OTHER_FILES <= self.files_max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nineteen_thousand_fit_where_twenty_thousand_files_may_be_open() {
        let scale = Scale::full(20_000);
        assert!(scale.levels.iter().all(|level| scale.has_room_for(*level)) && !scale.has_room_for(19_401));
        assert_eq!(scale.levels_by_room(), (scale.levels.clone(), vec![]));
        assert!(scale.has_room() && !Scale::full(19_599).has_room());
        assert_eq!(scale.files_needed(), 19_600);
    }

    #[test]
    fn an_open_loop_does_its_rate_for_its_time() {
        let scale = Scale { open_ms: 200, ..Scale::short(1_000) };
        assert_eq!((scale.open_count(1), scale.open_count(5), scale.open_count(1_000)), (0, 1, 200));
    }

    #[test]
    fn levels_without_room_are_told_apart() {
        assert_eq!(Scale::full(10_600).levels_by_room(), (vec![1_000, 10_000], vec![19_000]));
        assert_eq!(Scale::full(10_599).levels_by_room(), (vec![1_000], vec![10_000, 19_000]));
    }
}
