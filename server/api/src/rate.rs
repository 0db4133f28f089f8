//! How many requests each API key may make: a token bucket a key, told in `RateLimit-*` headers, in a bounded table.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

/// Seconds' worth of requests that a key may make at once.
const BURST_S: u32 = 5;
/// Buckets that are kept at most; only keys that were proven have one.
const BUCKETS_MAX: usize = 10_000;
/// What a request costs, in thousandths: at N requests a second a bucket gains N of them each millisecond.
const COST: u64 = 1_000;

/// The headers, with what each tells.
pub(crate) const HEADERS: [(&str, &str); 3] = [
    ("RateLimit-Limit", "Requests that the API key may make at once"),
    ("RateLimit-Remaining", "Requests that it may still make now"),
    ("RateLimit-Reset", "Seconds until it may make all of them again"),
];

/// What a key may still do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Allowance {
    pub limit: u64,
    pub remaining: u64,
    pub reset_s: u64,
    /// Whether the request that asked may be carried out.
    pub is_granted: bool,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    level: u64,
    at_ms: u64,
}

/// The buckets of all keys.
#[derive(Debug)]
pub(crate) struct Rates {
    per_s: u64,
    full: u64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

impl Rates {
    pub(crate) fn new(per_s: NonZeroU32) -> Self {
        let per_s = u64::from(per_s.get());
        Self { per_s, full: per_s * u64::from(BURST_S) * COST, buckets: Mutex::default() }
    }

    fn refilled(&self, bucket: Bucket, now_ms: u64) -> u64 {
        let gained = now_ms.saturating_sub(bucket.at_ms).saturating_mul(self.per_s);
        bucket.level.saturating_add(gained).min(self.full)
    }

    /// Takes a request's worth from the bucket of `key`.
    pub(crate) fn take(&self, key: &str, now_ms: u64) -> Allowance {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        let level = buckets.get(key).map_or(self.full, |bucket| self.refilled(*bucket, now_ms));
        let is_granted = level >= COST;
        let level = if is_granted { level - COST } else { level };
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
            limit: self.full / COST,
            remaining: level / COST,
            reset_s: (self.full - level).div_ceil(self.per_s * COST),
            is_granted,
        }
    }
}

/// Where the allowance of a request's key is put once the key is proven.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot(pub Arc<OnceLock<Allowance>>);

/// Tells the allowance in the answer.
pub(crate) async fn tell(mut request: Request, next: Next) -> Response {
    if !request.uri().path().starts_with("/v1/") {
        return next.run(request).await;
    }
    let slot = Slot::default();
    request.extensions_mut().insert(slot.clone());
    let mut response = next.run(request).await;
    if let Some(allowance) = slot.0.get() {
        let values = [allowance.limit, allowance.remaining, allowance.reset_s];
        for (name, value) in ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"].into_iter().zip(values) {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from(value));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rates(per_s: u32) -> Rates {
        Rates::new(NonZeroU32::new(per_s).expect("not zero"))
    }

    #[test]
    fn a_bucket_empties_and_fills_at_its_rate() {
        let rates = rates(2);
        let granted = (0..20).filter(|_| rates.take("a", 0).is_granted).count();
        assert_eq!(granted, 10);
        let empty = Allowance { limit: 10, remaining: 0, reset_s: 5, is_granted: false };
        assert_eq!(rates.take("a", 499), empty);
        assert!(rates.take("b", 499).is_granted, "each key has its own");
        assert!(rates.take("a", 500).is_granted);
        assert_eq!(rates.take("a", 500), empty);
        let full = Allowance { limit: 10, remaining: 9, reset_s: 1, is_granted: true };
        assert_eq!(rates.take("a", 1_000_000), full);
        assert!(rates.take("a", 0).is_granted, "a clock that goes back harms nobody");
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
