//! What one address (IPv6: one /64) may take: connections before login, logins, registrations. Pure.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Addresses remembered; above it those that owe nothing are forgotten.
const ADDRESSES_MAX: usize = 65_536;
/// Seconds that a client is asked to wait when an address has too many connections before login.
pub(crate) const CONNECTION_RETRY_S: u32 = 30;

/// The caps of one address (DESIGN §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapLimits {
    /// Connections that have not logged in, at once.
    pub connections_before_login: u32,
    /// Logins per second, and in one burst.
    pub logins_per_s: u32,
    /// Registrations per minute, and in one burst.
    pub registrations_per_min: u32,
}

impl Default for CapLimits {
    fn default() -> Self {
        Self { connections_before_login: 256, logins_per_s: 100, registrations_per_min: 60 }
    }
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source(IpAddr);

impl Source {
    pub(crate) fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => Self(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))),
        }
    }
}

/// The counts of all addresses; shared by the acceptor and the workers.
#[derive(Debug)]
pub(crate) struct Caps {
    limits: CapLimits,
    counts: Mutex<HashMap<Source, Count>>,
}

#[derive(Debug)]
struct Count {
    connections: u32,
    logins: Bucket,
    registrations: Bucket,
}

/// What one token is worth in a bucket of so many per second, and per minute: the milliseconds of that time.
const SECOND: u64 = 1_000;
const MINUTE: u64 = 60_000;

/// A token bucket.
#[derive(Debug)]
struct Bucket {
    left: u64,
    at_ms: u64,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It is served.
    Served,
    /// It is told to come back later.
    Told,
    /// There are too many even to be told: it is dropped.
    Dropped,
}

impl Caps {
    pub(crate) fn new(limits: CapLimits) -> Self {
        Self { limits, counts: Mutex::default() }
    }

    /// A connection was accepted; unless it is dropped it counts until [`Caps::leave`].
    pub(crate) fn enter(&self, source: Source, now_ms: u64) -> Admission {
        let cap = self.limits.connections_before_login;
        let mut counts = self.lock();
        let count = self.count(&mut counts, source, now_ms);
        if count.connections >= cap.saturating_mul(2) {
            return Admission::Dropped;
        }
        count.connections += 1;
        if count.connections > cap { Admission::Told } else { Admission::Served }
    }

    /// A connection has logged in or ended.
    pub(crate) fn leave(&self, source: Source) {
        if let Some(count) = self.lock().get_mut(&source) {
            count.connections = count.connections.saturating_sub(1);
        }
    }

    /// Whether one more login is admitted; seconds to wait when not.
    pub(crate) fn log_in(&self, source: Source, now_ms: u64) -> Result<(), u32> {
        let mut counts = self.lock();
        let rate = u64::from(self.limits.logins_per_s);
        self.count(&mut counts, source, now_ms).logins.take(SECOND, rate, now_ms)
    }

    /// Whether one more registration is admitted; seconds to wait when not.
    pub(crate) fn register(&self, source: Source, now_ms: u64) -> Result<(), u32> {
        let mut counts = self.lock();
        let cap = u64::from(self.limits.registrations_per_min);
        self.count(&mut counts, source, now_ms).registrations.take(MINUTE, cap, now_ms)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Source, Count>> {
        // Every change is one assignment: what a panicking thread left is whole.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn count<'a>(&self, counts: &'a mut HashMap<Source, Count>, source: Source, now_ms: u64) -> &'a mut Count {
        if counts.len() >= ADDRESSES_MAX && !counts.contains_key(&source) {
            counts
                .retain(|_, count| count.connections > 0 || now_ms.saturating_sub(count.registrations.at_ms) < 60_000);
        }
        counts.entry(source).or_insert_with(|| Count {
            connections: 0,
            logins: Bucket::full(SECOND, self.limits.logins_per_s, now_ms),
            registrations: Bucket::full(MINUTE, self.limits.registrations_per_min, now_ms),
        })
    }
}

impl Bucket {
    const fn full(token: u64, cap: u32, now_ms: u64) -> Self {
        Self { left: token * cap as u64, at_ms: now_ms }
    }

    /// Takes one token of a bucket that holds `cap` of them and gains as many in `token` milliseconds; seconds to wait when there is none.
    fn take(&mut self, token: u64, cap: u64, now_ms: u64) -> Result<(), u32> {
        let gained = now_ms.saturating_sub(self.at_ms).saturating_mul(cap);
        self.left = self.left.saturating_add(gained).min(token * cap);
        self.at_ms = now_ms;
        if let Some(left) = self.left.checked_sub(token) {
            self.left = left;
            return Ok(());
        }
        let wait_ms = (token - self.left).div_ceil(cap.max(1));
        Err(u32::try_from(wait_ms.div_ceil(1_000)).unwrap_or(u32::MAX).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::{Admission, CapLimits, Caps, Source};

    fn source(text: &str) -> Source {
        Source::new(text.parse().expect("an address"))
    }

    #[test]
    fn connections_before_login_at_the_cap_and_above() {
        let caps = Caps::new(CapLimits { connections_before_login: 2, ..CapLimits::default() });
        let own = source("192.0.2.1");
        let entered: Vec<Admission> = (0..5).map(|_| caps.enter(own, 0)).collect();
        use Admission::{Dropped, Served, Told};
        assert_eq!(entered, [Served, Served, Told, Told, Dropped]);
        assert_eq!(caps.enter(source("192.0.2.2"), 0), Served);
        (0..4).for_each(|_| caps.leave(own));
        assert_eq!(caps.enter(own, 0), Served);
    }

    #[test]
    fn logins_and_registrations_fill_up_again() {
        let caps = Caps::new(CapLimits { logins_per_s: 2, registrations_per_min: 60, ..CapLimits::default() });
        let own = source("192.0.2.1");
        assert_eq!([caps.log_in(own, 0), caps.log_in(own, 0), caps.log_in(own, 0)], [Ok(()), Ok(()), Err(1)]);
        assert_eq!([caps.log_in(own, 499), caps.log_in(own, 500), caps.log_in(own, 501)], [Err(1), Ok(()), Err(1)]);
        assert!((0..60).all(|_| caps.register(own, 0) == Ok(())));
        assert_eq!(caps.register(own, 999), Err(1));
        assert_eq!(caps.register(own, 1_000), Ok(()));
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
