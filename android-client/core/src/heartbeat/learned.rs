//! What is known of one network's patience with idle connections, and what a survival or a drop changes in it.

use super::{Bounds, NetworkId};

/// The interval in a network that nothing is known of: above most NATs' patience in mobile networks it would cost a drop, below it
/// costs nothing but a few heartbeats more.
pub const FIRST_MS: u64 = 240_000;
/// The client's own lower bound, unless the server says otherwise. NATs that forget a TCP connection sooner are broken.
pub const FLOOR_MS: u64 = 20_000;

/// Survivals below a ceiling before the ceiling is tried again, after its first failure: it may have been a loss of another cause.
const RETRY_SOON: u32 = 16;
/// The same after its second failure; each further one doubles it, [`RETRY_DOUBLINGS_MAX`] times at most. With intervals of minutes
/// these are days.
const RETRY_RARELY: u32 = 256;
/// So often the wait before a retry doubles.
const RETRY_DOUBLINGS_MAX: u32 = 4;
/// The count of survivals is stored once per so many, so that a process that dies often comes to retry all the same.
const STORED_EVERY: u32 = 16;

/// What is known of one network. All of it survives the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Learned {
    /// The network.
    pub network: NetworkId,
    /// The interval, before the server's bounds.
    pub interval_ms: u64,
    /// The longest quiet period known to survive; 0 when none is.
    pub survived_ms: u64,
    /// The ceiling: the shortest quiet period believed to cost the connection, in whole seconds.
    pub failed_ms: Option<u64>,
    /// How often the ceiling has failed.
    pub failures: u32,
    /// Survivals since the interval has stood below the ceiling.
    pub calm: u32,
    /// The higher, the later the phone was last in this network.
    pub used: u64,
}

impl Learned {
    /// Nothing is known.
    #[must_use]
    pub const fn nothing(network: NetworkId, used: u64) -> Self {
        Self { network, interval_ms: FIRST_MS, survived_ms: 0, failed_ms: None, failures: 0, calm: 0, used }
    }

    /// The interval within the bounds.
    #[must_use]
    pub fn interval_ms(&self, bounds: Bounds) -> u64 {
        bounds.clamp(self.interval_ms, FLOOR_MS)
    }

    /// After a quiet period that was survived. One step up, however long it was: an alarm that came late proves that the
    /// connection lasts so long, but the next one may come in time.
    #[must_use]
    pub fn after_survival(mut self, quiet_ms: u64, bounds: Bounds) -> Self {
        let interval_ms = self.interval_ms(bounds);
        self.survived_ms = self.survived_ms.max(quiet_ms);
        if self.failed_ms.is_some_and(|failed| quiet_ms >= failed) {
            (self.failed_ms, self.failures, self.calm) = (None, 0, 0);
        }
        if quiet_ms < interval_ms {
            return self;
        }
        let cap_ms = self.failed_ms.map_or(u64::MAX, |failed| bounds.clamp(below(failed), FLOOR_MS));
        if interval_ms < cap_ms {
            let step = (interval_ms / 4).max(1_000);
            (self.interval_ms, self.calm) = (bounds.clamp((interval_ms + step).min(cap_ms), FLOOR_MS), 0);
            return self;
        }
        self.calm += 1;
        if let Some(failed) = self.failed_ms
            && self.calm >= patience(self.failures)
        {
            (self.interval_ms, self.calm) = (bounds.clamp(failed, FLOOR_MS), 0);
        }
        self
    }

    /// After a quiet period that cost the connection.
    ///
    /// One that is not known to survive becomes the ceiling. One that is known to, is forgiven once: the interval shrinks, and must
    /// prove itself again on its way back; what is lost on that way is believed.
    #[must_use]
    pub fn after_drop(mut self, quiet_ms: u64, bounds: Bounds) -> Self {
        self.calm = 0;
        if quiet_ms <= self.survived_ms {
            self.survived_ms = 0;
            self.interval_ms = bounds.clamp(below(below(quiet_ms)), FLOOR_MS);
            return self;
        }
        // In whole seconds, as the interval that tries it again.
        let failed_ms = quiet_ms - quiet_ms % 1_000;
        let is_again = self.failed_ms.is_some_and(|failed| failed_ms >= failed);
        self.failures = if is_again { self.failures.saturating_add(1) } else { 1 };
        self.failed_ms = Some(self.failed_ms.map_or(failed_ms, |failed| failed.min(failed_ms)));
        let known_ms = if self.survived_ms > 0 { self.survived_ms } else { quiet_ms / 2 };
        self.interval_ms = bounds.clamp(known_ms.min(below(quiet_ms)), FLOOR_MS);
        self
    }

    /// Whether a process that dies now would lose something worth a write.
    #[must_use]
    pub fn is_worth_storing(&self, stored: &Self) -> bool {
        let is_proven = |learned: &Self| learned.survived_ms >= learned.interval_ms;
        (self.interval_ms, self.failed_ms, self.failures, self.used)
            != (stored.interval_ms, stored.failed_ms, stored.failures, stored.used)
            || is_proven(self) != is_proven(stored)
            || self.calm / STORED_EVERY != stored.calm / STORED_EVERY
    }
}

/// One step down: the inverse of a step up.
const fn below(ms: u64) -> u64 {
    ms / 5 * 4
}

/// How many survivals lie between two trials of a ceiling that has failed so often.
fn patience(failures: u32) -> u32 {
    match failures {
        0 | 1 => RETRY_SOON,
        more => RETRY_RARELY << (more - 2).min(RETRY_DOUBLINGS_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Bounds = Bounds { min_ms: None, max_ms: Some(600_000) };

    fn nothing() -> Learned {
        Learned::nothing(NetworkId::UNNAMED, 1)
    }

    /// Survives at its interval until the interval stays.
    fn settled(mut learned: Learned) -> Learned {
        loop {
            let next = learned.after_survival(learned.interval_ms(OPEN), OPEN);
            if next.interval_ms == learned.interval_ms {
                return next;
            }
            learned = next;
        }
    }

    #[test]
    fn it_grows_step_by_step_to_the_servers_bound() {
        let mut learned = nothing();
        let mut steps = Vec::new();
        while learned.interval_ms < 600_000 {
            learned = learned.after_survival(learned.interval_ms, OPEN);
            steps.push(learned.interval_ms / 1_000);
        }
        assert_eq!(steps, [300, 375, 468, 585, 600]);
        assert_eq!(learned.after_survival(600_000, OPEN).interval_ms, 600_000);
    }

    #[test]
    fn a_shorter_quiet_period_proves_nothing_of_the_interval() {
        let learned = nothing().after_survival(239_999, OPEN);
        assert_eq!((learned.interval_ms, learned.survived_ms), (FIRST_MS, 239_999));
    }

    #[test]
    fn a_late_alarm_that_was_answered_is_a_survival_and_one_step() {
        let learned = nothing().after_survival(900_000, OPEN);
        assert_eq!((learned.interval_ms, learned.survived_ms), (300_000, 900_000));
    }

    #[test]
    fn a_drop_in_a_new_network_halves_and_sets_the_ceiling() {
        let learned = nothing().after_drop(240_000, OPEN);
        assert_eq!((learned.interval_ms, learned.failed_ms, learned.failures), (120_000, Some(240_000), 1));
        assert_eq!(settled(learned).interval_ms, 192_000, "it stays below what failed");
    }

    #[test]
    fn a_drop_above_what_survived_goes_back_to_that() {
        let learned = nothing().after_survival(240_000, OPEN).after_drop(300_000, OPEN);
        assert_eq!((learned.interval_ms, learned.failed_ms), (240_000, Some(300_000)));
    }

    #[test]
    fn one_drop_of_a_proven_interval_is_forgiven() {
        let learned = settled(nothing());
        let shaken = learned.after_drop(600_000, OPEN);
        assert_eq!((shaken.interval_ms, shaken.failed_ms), (384_000, None), "it shrinks at once, without a ceiling");
        let back = shaken.after_survival(384_000, OPEN).after_survival(480_000, OPEN);
        assert_eq!(back.interval_ms, 600_000, "and is back after two quiet periods");
    }

    #[test]
    fn drops_on_the_way_back_are_believed() {
        let learned = settled(nothing()).after_drop(600_000, OPEN).after_drop(384_000, OPEN);
        assert_eq!((learned.interval_ms, learned.failed_ms), (192_000, Some(384_000)));
        let learned = settled(nothing()).after_drop(600_000, OPEN).after_survival(384_000, OPEN);
        let learned = learned.after_survival(480_000, OPEN).after_drop(600_000, OPEN);
        assert_eq!((learned.interval_ms, learned.failed_ms), (480_000, Some(600_000)));
    }

    #[test]
    fn the_ceiling_is_tried_again_soon_once_and_then_rarely() {
        let mut learned = settled(nothing().after_drop(240_000, OPEN));
        let mut between = Vec::new();
        for _ in 0..8 {
            let mut survivals = 0;
            while learned.interval_ms < 240_000 {
                learned = learned.after_survival(learned.interval_ms, OPEN);
                survivals += 1;
            }
            between.push(survivals);
            learned = learned.after_drop(240_000, OPEN);
        }
        assert_eq!(
            between,
            [15, 256, 512, 1_024, 2_048, 4_096, 4_096, 4_096],
            "the first one was counted by `settled`"
        );
    }

    #[test]
    fn a_ceiling_of_no_whole_seconds_is_tried_again_too() {
        let mut learned = settled(nothing().after_drop(240_990, OPEN));
        assert_eq!(learned.interval_ms, 192_000);
        while learned.interval_ms < 240_000 {
            learned = learned.after_survival(learned.interval_ms + 990, OPEN);
        }
        assert_eq!(learned.after_drop(240_010, OPEN).failures, 2, "the same ceiling, whatever the alarm added");
        assert_eq!(learned.after_survival(240_010, OPEN).failed_ms, None);
    }

    #[test]
    fn a_ceiling_that_survives_is_none() {
        let mut learned = settled(nothing().after_drop(240_000, OPEN));
        while learned.interval_ms < 240_000 {
            learned = learned.after_survival(learned.interval_ms, OPEN);
        }
        let learned = learned.after_survival(240_000, OPEN);
        assert_eq!((learned.interval_ms, learned.failed_ms, learned.failures), (300_000, None, 0));
    }

    #[test]
    fn what_is_worth_a_write_is_what_a_new_process_would_do_otherwise() {
        let learned = settled(nothing());
        assert!(!learned.after_survival(601_234, OPEN).is_worth_storing(&learned), "one more survival is not");
        assert!(learned.after_drop(600_000, OPEN).is_worth_storing(&learned));
        let mut calm = settled(nothing().after_drop(240_000, OPEN));
        let stored = calm;
        let mut writes = 0;
        while calm.interval_ms == stored.interval_ms {
            let next = calm.after_survival(calm.interval_ms, OPEN);
            writes += u32::from(next.is_worth_storing(&calm));
            calm = next;
        }
        assert_eq!(writes, 1, "for the retry itself");
    }
}
