//! How long to wait before the next attempt (DESIGN §6): full jitter, a server's wish, and the longer waits after a `conflict`.

use std::ops::RangeInclusive;

/// The ceiling of the first wait.
pub const FIRST_MS: u64 = 1_000;
/// The ceiling that waits grow to.
pub const CEILING_MS: u64 = 120_000;
/// A session that lasted this long proves that the service works: the next wait is the first one again.
pub const SETTLED_MS: u64 = 5_000;
/// The longest pause that a server may ask for; a larger wish is cut to it, so that no server can silence a phone for ever.
pub const RETRY_MS_MAX: u64 = 24 * 3_600_000;
/// The longest pause, in seconds, that may be asked for before TLS, where anybody may speak for the server: the ceiling of every wait.
pub const UNPROVEN_RETRY_S_MAX: u32 = 120;
/// The wait after a first `conflict`.
pub const CONFLICT_MS: u64 = 60_000;
/// The longest wait after a `conflict`.
pub const CONFLICT_MS_MAX: u64 = 3_600_000;
/// The longest wait of a device whose registration was refused, and for which somebody must do something: half of it at least, so that
/// many that were refused together do not come back together.
pub const REFUSED_MS_MAX: u64 = 3_600_000;
/// Two conflicts closer together than this mean that the installation was copied to a second phone.
pub const CLONE_WINDOW_MS: u64 = 3_600_000;

/// Full-jitter exponential backoff.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backoff {
    failures: u32,
    /// How often in a row a server asked for a pause.
    refusals: u32,
}

impl Backoff {
    /// The ceiling of the next wait in milliseconds.
    #[must_use]
    pub fn ceiling_ms(&self) -> u64 {
        FIRST_MS.checked_shl(self.failures).map_or(CEILING_MS, |ms| ms.min(CEILING_MS))
    }

    /// The next wait in milliseconds, in `0..=ceiling`; `random` is uniform over all of `u64`.
    pub fn next_ms(&mut self, random: u64) -> u64 {
        let wait = scale(random, self.ceiling_ms());
        self.failures = self.failures.saturating_add(1).min(32);
        wait
    }

    /// The bounds of the next wait for a server that asks for a pause of `after_s` seconds: never less than that. What comes on top
    /// doubles from a tenth of it while refusals go on, so that phones that were told the same do not come back together; the whole
    /// stays below the ceiling of every wait, unless the server asks for about as much itself.
    #[must_use]
    pub fn retry_bounds_ms(&self, after_s: u32) -> RangeInclusive<u64> {
        let wish = u64::from(after_s).saturating_mul(1_000).min(RETRY_MS_MAX);
        let tenth = wish / 10;
        let grown = tenth.max(FIRST_MS).saturating_mul(1 << self.refusals);
        wish..=wish + grown.min(CEILING_MS.saturating_sub(wish)).max(tenth)
    }

    /// The next wait for a server that asks for a pause, in milliseconds; `random` is uniform over all of `u64`.
    pub fn retry_ms(&mut self, after_s: u32, random: u64) -> u64 {
        let bounds = self.retry_bounds_ms(after_s);
        self.refusals = self.refusals.saturating_add(1).min(32);
        bounds.start() + scale(random, bounds.end() - bounds.start())
    }

    /// The network became usable: starts again at the first wait. It says nothing of a server that refuses.
    pub fn restart(&mut self) {
        self.failures = 0;
    }

    /// A session settled: everything starts again at the first wait.
    pub fn settle(&mut self) {
        *self = Self::default();
    }
}

/// What a `conflict` asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterConflict {
    /// How long to wait, in milliseconds.
    pub wait_ms: u64,
    /// Whether this phone is one of two copies and needs an installation of its own.
    pub is_clone: bool,
}

/// Remembers conflicts, over processes and boots, so by server time: the wait doubles while they keep coming within the hour, and
/// every second one makes a new installation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Conflicts {
    /// When the last one came, in Unix milliseconds of the server.
    pub last_ms: Option<u64>,
    /// How many came less than an hour apart.
    pub in_a_row: u32,
    /// How many of them this installation met.
    pub since_installation: u32,
}

impl Conflicts {
    /// Counts a conflict that arrived at `now_ms` of the server's time.
    pub fn note(&mut self, now_ms: u64) -> AfterConflict {
        let recent = self.last_ms.is_some_and(|last| now_ms.saturating_sub(last) < CLONE_WINDOW_MS);
        if !recent {
            self.in_a_row = 0;
            self.since_installation = 0;
        }
        let wait_ms = CONFLICT_MS.checked_shl(self.in_a_row).map_or(CONFLICT_MS_MAX, |ms| ms.min(CONFLICT_MS_MAX));
        self.last_ms = Some(now_ms);
        self.in_a_row = self.in_a_row.saturating_add(1).min(32);
        self.since_installation += 1;
        let is_clone = self.since_installation == 2;
        if is_clone {
            self.since_installation = 0;
        }
        AfterConflict { wait_ms, is_clone }
    }
}

/// How long a device waits whose registration was refused, in milliseconds; `random` is uniform over all of `u64`.
pub fn refused_ms(random: u64) -> u64 {
    REFUSED_MS_MAX / 2 + scale(random, REFUSED_MS_MAX / 2)
}

/// `random` scaled to `0..=upper`.
pub(crate) fn scale(random: u64, upper: u64) -> u64 {
    let wide = u128::from(random) * (u128::from(upper) + 1);
    u64::try_from(wide >> 64).expect("a product of two u64 shifted by 64 bits fits u64")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_wait_never_passes_its_ceiling_and_ceilings_grow_to_the_cap(randoms in proptest::collection::vec(any::<u64>(), 1..80)) {
            let mut backoff = Backoff::default();
            for (i, random) in randoms.into_iter().enumerate() {
                let ceiling = backoff.ceiling_ms();
                let expected = if i < 7 { 1_000 << i } else { CEILING_MS };
                prop_assert_eq!(ceiling, expected.min(CEILING_MS));
                prop_assert!(backoff.next_ms(random) <= ceiling);
            }
        }

        #[test]
        fn a_servers_wish_is_a_lower_bound_and_what_comes_on_top_grows_to_the_cap(
            after in prop_oneof![0..200_u32, any::<u32>()],
            randoms in proptest::collection::vec(any::<u64>(), 1..60),
        ) {
            let wish = (u64::from(after) * 1_000).min(RETRY_MS_MAX);
            let cap = CEILING_MS.max(wish + wish / 10);
            let mut backoff = Backoff::default();
            let mut ceiling = 0;
            for random in randoms {
                let (_, next) = backoff.retry_bounds_ms(after).into_inner();
                prop_assert!(next <= cap && (next > ceiling || next == cap), "{} after {}", next, ceiling);
                let wait = backoff.retry_ms(after, random);
                prop_assert!((wish..=next).contains(&wait));
                backoff.restart(); // a network that comes and goes says nothing of the server
                ceiling = next;
            }
        }

        #[test]
        fn a_wait_after_conflict_stays_between_its_bounds(gaps in proptest::collection::vec(0..2 * CLONE_WINDOW_MS, 1..60)) {
            let mut conflicts = Conflicts::default();
            let mut now = 0;
            for gap in gaps {
                now += gap;
                let wait = conflicts.note(now).wait_ms;
                prop_assert!((CONFLICT_MS..=CONFLICT_MS_MAX).contains(&wait));
            }
        }
    }

    #[test]
    fn jitter_reaches_both_ends() {
        assert_eq!(Backoff::default().next_ms(0), 0);
        assert_eq!(Backoff::default().next_ms(u64::MAX), FIRST_MS);
        assert_eq!(Backoff::default().retry_ms(30, 0), 30_000);
        assert_eq!(Backoff::default().retry_ms(30, u64::MAX), 33_000);
    }

    #[test]
    fn a_session_that_settled_starts_the_pauses_again() {
        let mut backoff = Backoff::default();
        let first = backoff.retry_bounds_ms(30);
        backoff.retry_ms(30, 7);
        assert_ne!(backoff.retry_bounds_ms(30), first);
        backoff.settle();
        assert_eq!(backoff.retry_bounds_ms(30), first);
    }

    #[test]
    fn a_restart_begins_at_the_first_ceiling() {
        let mut backoff = Backoff::default();
        for _ in 0..1_000 {
            backoff.next_ms(7);
        }
        assert_eq!(backoff.ceiling_ms(), CEILING_MS);
        backoff.restart();
        assert_eq!(backoff.ceiling_ms(), FIRST_MS);
    }

    #[test]
    fn a_second_conflict_within_an_hour_is_a_clone() {
        let mut conflicts = Conflicts::default();
        assert_eq!(conflicts.note(0), AfterConflict { wait_ms: 60_000, is_clone: false });
        assert_eq!(conflicts.note(CLONE_WINDOW_MS - 1), AfterConflict { wait_ms: 120_000, is_clone: true });
        assert_eq!(conflicts.note(CLONE_WINDOW_MS), AfterConflict { wait_ms: 240_000, is_clone: false });
        let later = 3 * CLONE_WINDOW_MS;
        assert_eq!(conflicts.note(later), AfterConflict { wait_ms: 60_000, is_clone: false });
        assert_eq!(conflicts.note(later + CLONE_WINDOW_MS), AfterConflict { wait_ms: 60_000, is_clone: false });
    }
}
