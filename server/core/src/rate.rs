//! How often each of many may do something: a token bucket for each, in a bounded table.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::Hash;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};

/// Buckets that are kept at most.
const BUCKETS_MAX: usize = 10_000;

/// What somebody may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// How often at once, at most.
    pub limit: u64,
    /// How often now.
    pub remaining: u64,
    /// Seconds until it is the limit again.
    pub reset_s: u64,
    /// Seconds until the next time is granted; 0 when it would be now.
    pub retry_s: u32,
    /// Whether what was asked may be done.
    pub is_granted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at_ms: u64,
}

/// The buckets of all who are told apart by `K`.
#[derive(Debug)]
pub struct Rates<K> {
    /// What a bucket gains each millisecond, what one time costs, and what a full one holds.
    gain: u64,
    cost: u64,
    full: u64,
    buckets: Mutex<HashMap<K, Bucket>>,
}

impl<K: Eq + Hash> Rates<K> {
    /// `times` in `span_ms` in the long run, and `burst` at once.
    #[must_use]
    pub fn new(times: NonZeroU32, span_ms: u64, burst: u32) -> Self {
        let cost = span_ms.max(1);
        Self { gain: times.get().into(), cost, full: cost.saturating_mul(burst.into()), buckets: Mutex::default() }
    }

    fn refilled(&self, bucket: Bucket, now_ms: u64) -> u64 {
        let gained = now_ms.saturating_sub(bucket.at_ms).saturating_mul(self.gain);
        bucket.level.saturating_add(gained).min(self.full)
    }

    /// Takes one time's worth from the bucket of `key`.
    pub fn take<Q>(&self, key: &Q, now_ms: u64) -> Allowance
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        // What a panicking thread left is off by one time at most.
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let level = buckets.get(key).map_or(self.full, |bucket| self.refilled(*bucket, now_ms));
        let is_granted = level >= self.cost;
        let level = if is_granted { level - self.cost } else { level };
        if let Some(bucket) = buckets.get_mut(key) {
            *bucket = Bucket { level, at_ms: now_ms };
        } else {
            if buckets.len() >= BUCKETS_MAX {
                // A bucket that is full says no more than none at all; if none is, all of them start anew.
                buckets.retain(|_, bucket| self.refilled(*bucket, now_ms) < self.full);
                if buckets.len() >= BUCKETS_MAX {
                    buckets.clear();
                }
            }
            buckets.insert(key.to_owned(), Bucket { level, at_ms: now_ms });
        }
        Allowance {
            limit: self.full / self.cost,
            remaining: level / self.cost,
            reset_s: self.seconds(self.full - level),
            retry_s: u32::try_from(self.seconds(self.cost.saturating_sub(level))).unwrap_or(u32::MAX),
            is_granted,
        }
    }

    fn seconds(&self, lack: u64) -> u64 {
        lack.div_ceil(self.gain.saturating_mul(1_000))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Five seconds' worth at once.
    fn rates(per_s: u32) -> Rates<String> {
        Rates::new(NonZeroU32::new(per_s).expect("not zero"), 1_000, 5 * per_s)
    }

    #[test]
    fn a_bucket_empties_and_fills_at_its_rate() {
        let rates = rates(2);
        let take = |key: &str, now_ms| rates.take(key, now_ms);
        let granted = (0..20).filter(|_| take("a", 0).is_granted).count();
        assert_eq!(granted, 10);
        let empty = Allowance { limit: 10, remaining: 0, reset_s: 5, retry_s: 1, is_granted: false };
        assert_eq!(take("a", 499), empty);
        assert!(take("b", 499).is_granted, "each key has its own");
        assert!(take("a", 500).is_granted);
        assert_eq!(take("a", 500), empty);
        let full = Allowance { limit: 10, remaining: 9, reset_s: 1, retry_s: 0, is_granted: true };
        assert_eq!(take("a", 1_000_000), full);
        assert!(take("a", 0).is_granted, "a clock that goes back harms nobody");
    }

    #[test]
    fn who_waits_as_told_is_granted() {
        let rates = Rates::new(NonZeroU32::MIN, 10_000, 2);
        assert!(rates.take(&1, 0).is_granted && rates.take(&1, 0).is_granted);
        let refused = rates.take(&1, 3_000);
        assert_eq!((refused.is_granted, refused.retry_s), (false, 7));
        assert!(!rates.take(&1, 9_999).is_granted && rates.take(&1, 10_000).is_granted);
    }

    #[test]
    fn the_table_is_bounded() {
        let rates = rates(1);
        for key in 0..=2 * BUCKETS_MAX {
            rates.take(&key.to_string(), 0);
        }
        assert!(rates.buckets.lock().expect("no panic").len() <= BUCKETS_MAX);
    }
}
