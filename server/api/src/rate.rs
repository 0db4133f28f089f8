//! How many requests each API key may make: a token bucket a key, told in `RateLimit-*` headers.

use std::num::NonZeroU32;
use std::sync::{Arc, OnceLock};

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use longwire_core::rate::{Allowance, Rates};

/// Seconds' worth of requests that a key may make at once.
const BURST_S: u32 = 5;

/// The headers, with what each tells.
pub(crate) const HEADERS: [(&str, &str); 3] = [
    ("RateLimit-Limit", "Requests that the API key may make at once"),
    ("RateLimit-Remaining", "Requests that it may still make now"),
    ("RateLimit-Reset", "Seconds until it may make all of them again"),
];

const NAMES: [HeaderName; 3] = [
    HeaderName::from_static("ratelimit-limit"),
    HeaderName::from_static("ratelimit-remaining"),
    HeaderName::from_static("ratelimit-reset"),
];

/// The buckets of all keys; only those that were proven have one.
pub(crate) fn of_keys(per_s: NonZeroU32) -> Rates<String> {
    Rates::new(per_s, 1_000, per_s.get().saturating_mul(BURST_S))
}

/// Where the allowance of a request's key is put once the key is proven.
#[derive(Clone, Debug, Default)]
pub(crate) struct Slot(pub Arc<OnceLock<Allowance>>);

impl Slot {
    /// A place for the allowance of a request that is counted.
    pub(crate) fn of(request: &mut Request) -> Self {
        let slot = Self::default();
        request.extensions_mut().insert(slot.clone());
        slot
    }

    /// Tells the allowance in the answer.
    pub(crate) fn tell(&self, response: &mut Response) {
        let Some(allowance) = self.0.get() else { return };
        let values = [allowance.limit, allowance.remaining, allowance.reset_s];
        for (name, value) in NAMES.into_iter().zip(values) {
            response.headers_mut().insert(name, HeaderValue::from(value));
        }
    }
}
