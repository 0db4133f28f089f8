//! At most so many in any time of a given length, and when those who were refused may come back. Pure.

use std::collections::VecDeque;

/// The longest that anybody is asked to wait.
const WAIT_MS_MAX: u64 = 300_000;

/// A window that slides over the instants of what was admitted: as many are kept as are admitted.
#[derive(Debug, Default)]
pub(super) struct Window {
    admitted: VecDeque<u64>,
    queue: Queue,
}

/// Those who were refused, one behind the other. A promise whose time has come, claimed or not, holds no place any more.
#[derive(Debug, Default)]
struct Queue {
    /// How many were promised a time since the queue was last empty and have not come back.
    length: usize,
    /// The time of the last promise.
    last_ms: u64,
    /// How many were too far behind to be promised a time.
    unpromised: u64,
}

impl Window {
    /// Takes one of the `cap` places in any `span_ms`; seconds to wait when there is none.
    pub(super) fn take(&mut self, span_ms: u64, cap: u32, now_ms: u64) -> Result<(), u32> {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        self.forget(span_ms, now_ms);
        if self.admitted.len() < cap {
            self.admitted.push_back(now_ms);
            self.queue.leave();
            return Ok(());
        }
        // The first in the queue takes the place that is the first to be free, and so on.
        let gap_ms = gap_ms(span_ms, cap);
        let ahead = self.queue.length(now_ms).min(cap.saturating_sub(1));
        let free_ms = self.admitted.get(ahead).map_or(u64::MAX, |taken_ms| taken_ms.saturating_add(span_ms));
        Err(self.queue.join(free_ms, gap_ms, now_ms))
    }

    /// One who could not even ask waits behind `ahead` who can, each at least `gap_ms` behind the other; in how many seconds it may come.
    pub(super) fn queue_up(&mut self, span_ms: u64, cap: u32, ahead: u64, gap_ms: u64, now_ms: u64) -> u32 {
        let gap_ms = gap_ms.max(self::gap_ms(span_ms, usize::try_from(cap).unwrap_or(usize::MAX)));
        self.queue.join(now_ms.saturating_add(ahead.saturating_mul(gap_ms)), gap_ms, now_ms)
    }

    /// Whether it can be forgotten.
    pub(super) fn is_idle(&mut self, span_ms: u64, now_ms: u64) -> bool {
        self.forget(span_ms, now_ms);
        self.admitted.is_empty() && self.queue.length(now_ms) == 0
    }

    fn forget(&mut self, span_ms: u64, now_ms: u64) {
        while self.admitted.front().is_some_and(|taken_ms| taken_ms.saturating_add(span_ms) <= now_ms) {
            self.admitted.pop_front();
        }
    }
}

/// The time for one of the queue: a tenth longer than a place takes to become free, because nobody comes back to the millisecond.
fn gap_ms(span_ms: u64, cap: usize) -> u64 {
    let places = u64::try_from(cap).unwrap_or(u64::MAX).max(1).saturating_mul(10);
    span_ms.saturating_mul(11).div_ceil(places)
}

impl Queue {
    fn length(&mut self, now_ms: u64) -> usize {
        if self.last_ms <= now_ms {
            self.length = 0;
        }
        self.length
    }

    /// One more waits, for what is free at `free_ms` at the earliest and `gap_ms` after the one before; in how many seconds it may come.
    fn join(&mut self, free_ms: u64, gap_ms: u64, now_ms: u64) -> u32 {
        let behind_ms = if self.length(now_ms) == 0 { 0 } else { self.last_ms.saturating_add(gap_ms) };
        let due_ms = free_ms.max(behind_ms);
        let mut wait_ms = due_ms.saturating_sub(now_ms);
        if wait_ms <= WAIT_MS_MAX {
            self.length += 1;
            self.last_ms = due_ms;
        } else {
            // Nothing is promised, and still they do not come back all at once.
            wait_ms = WAIT_MS_MAX - self.unpromised.saturating_mul(gap_ms.max(1)) % (WAIT_MS_MAX / 2);
            self.unpromised = self.unpromised.wrapping_add(1);
        }
        u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX).max(1)
    }

    const fn leave(&mut self) {
        self.length = self.length.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::{WAIT_MS_MAX, Window};

    const MINUTE_MS: u64 = 60_000;

    #[test]
    fn no_minute_has_more_than_the_cap() {
        let mut window = Window::default();
        let admitted: Vec<u64> =
            (0..300_000).step_by(50).filter(|now_ms| window.take(MINUTE_MS, 60, *now_ms).is_ok()).collect();
        assert!(
            admitted.windows(61).all(|taken| taken.last() >= taken.first().map(|first| first + MINUTE_MS).as_ref())
        );
        assert_eq!(admitted.iter().filter(|taken_ms| **taken_ms < MINUTE_MS).count(), 60);
        assert_eq!(admitted.len(), 300, "and none has less while somebody asks");
        assert_eq!(window.admitted.len(), 60, "no more is kept than is admitted");
    }

    #[test]
    fn the_limit_and_one_above() {
        let mut window = Window::default();
        assert_eq!([0, 400, 500, 999].map(|now_ms| window.take(1_000, 2, now_ms).is_ok()), [true, true, false, false]);
        assert_eq!([1_000, 1_399, 1_400].map(|now_ms| window.take(1_000, 2, now_ms).is_ok()), [true, false, true]);
        assert_eq!(Window::default().take(1_000, 0, 0), Err(300), "nothing is admitted at all");
    }

    /// How often `clients` who all begin at once are refused when they come back as told, `late` of a thousand later.
    fn refusals(clients: u64, late: impl Fn(u64) -> u64) -> usize {
        let (mut window, mut refused) = (Window::default(), 0);
        let mut due: std::collections::BTreeSet<(u64, u64)> = (0..clients).map(|client| (client, client)).collect();
        while let Some((now_ms, client)) = due.pop_first() {
            if let Err(after_s) = window.take(MINUTE_MS, 60, now_ms) {
                refused += 1;
                assert!(refused < 10_000, "everybody is served in the end");
                let wait_ms = u64::from(after_s) * 1_000;
                due.insert((now_ms + wait_ms + wait_ms * late(client) / 1_000, client));
            }
        }
        refused
    }

    #[test]
    fn who_comes_back_as_told_is_served() {
        assert_eq!(refusals(150, |_| 0), 90, "each that is refused is refused once");
        let refused = refusals(150, |client| client * 37 % 100);
        assert!(refused < 120, "{refused}");
        let refused = refusals(1_000, |client| client * 37 % 100);
        assert!(refused < 4_000, "{refused}: at most once in some minutes each");
    }

    #[test]
    fn promises_are_spread_capped_and_end() {
        let mut window = Window::default();
        assert!((0..60).all(|_| window.take(MINUTE_MS, 60, 0).is_ok()));
        let told: Vec<u32> = (0..1_000).filter_map(|_| window.take(MINUTE_MS, 60, 0).err()).collect();
        assert_eq!(told.get(..4), Some([60, 62, 63, 64].as_slice()));
        assert!(told.iter().all(|after_s| u64::from(*after_s) * 1_000 <= WAIT_MS_MAX));
        let same = |wanted: u32| told.iter().filter(|after_s| **after_s == wanted).count();
        assert!((1..=300).all(|after_s| same(after_s) <= 10), "no second is promised to many: {told:?}");
        // Nobody has come: who asks then is served, and who is refused then is the first.
        assert!((0..60).all(|_| window.take(MINUTE_MS, 60, WAIT_MS_MAX).is_ok()));
        assert_eq!(window.take(MINUTE_MS, 60, WAIT_MS_MAX), Err(60));
        assert!(!window.is_idle(MINUTE_MS, 359_999) && window.is_idle(MINUTE_MS, 360_000));
    }
}
