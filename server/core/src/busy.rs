//! Whether a thread is busy: it then lets others run before it sleeps, so that what they send is there when it looks, and one wake serves
//! more of it. One that is not busy sleeps at once: who wants the processor for themselves would keep it waiting for as long as a
//! scheduler's slice.

use std::cell::Cell;
use std::thread;

/// How many pieces of work in a millisecond make a thread busy.
const BUSY_PER_MS: u64 = 4;

thread_local! {
    static WORK: Cell<u64> = const { Cell::new(0) };
    static PERIOD: Cell<Period> = const { Cell::new(Period { since_ms: 0, is_busy: false }) };
}

/// Counts pieces of work that this thread was woken for: events, commands, requests.
pub fn count(pieces: usize) {
    let pieces = u64::try_from(pieces).unwrap_or(u64::MAX);
    WORK.set(WORK.get().saturating_add(pieces));
}

/// Lets others run if this thread is busy. For a thread that is about to sleep; `now_ms` is of one monotonic clock for each thread.
pub fn give_way(now_ms: u64) {
    if let Some(next) = PERIOD.get().next(now_ms, WORK.get()) {
        WORK.set(0);
        PERIOD.set(next);
    }
    if PERIOD.get().is_busy {
        thread::yield_now();
    }
}

/// A time of a millisecond or more in which work is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Period {
    since_ms: u64,
    /// By what was done in the one before it.
    is_busy: bool,
}

impl Period {
    /// The one that follows, if this one is over and had so many pieces of work.
    fn next(self, now_ms: u64, work: u64) -> Option<Self> {
        let past_ms = now_ms.saturating_sub(self.since_ms);
        (past_ms > 0).then(|| Self { since_ms: now_ms, is_busy: work >= past_ms.saturating_mul(BUSY_PER_MS) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_busy_by_how_much_it_did_in_the_period_before() {
        let period = Period { since_ms: 100, is_busy: true };
        let is_busy = |now_ms, work| period.next(now_ms, work).map(|next| next.is_busy);
        assert_eq!([is_busy(100, 1_000), is_busy(99, 1_000)], [None, None], "it is not over");
        assert_eq!([is_busy(101, 3), is_busy(101, 4)], [Some(false), Some(true)]);
        assert_eq!([is_busy(103, 11), is_busy(103, 12)], [Some(false), Some(true)], "a longer one needs more");
        assert_eq!(is_busy(u64::MAX, 1_000_000), Some(false), "and none is too long");
        assert_eq!(period.next(101, 0), Some(Period { since_ms: 101, is_busy: false }));
    }
}
