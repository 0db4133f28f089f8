//! What one address (IPv6: one /64) may take: connections before login, logins, registrations, sessions. Pure.

mod window;

use core::net::{IpAddr, Ipv6Addr};
use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use window::Window;

/// Addresses whose logins and registrations are remembered.
const ADDRESSES_MAX: usize = 65_536;
/// The longest that a connection before login lasts, and so the time in which all of an address make room for others.
const CONNECTION_MS: u64 = 30_000;
/// How long places are watched before anything follows from it.
const SEEN_MS: u64 = 10_000;
const SECOND_MS: u64 = 1_000;
const MINUTE_MS: u64 = 60_000;

/// The caps of one address (DESIGN §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CapLimits {
    /// Connections that have not logged in, at once.
    pub connections_before_login: u32,
    /// Logins in any second.
    pub logins_per_s: u32,
    /// Registrations in any minute.
    pub registrations_per_min: u32,
    /// Sessions, from the request to bind one.
    pub sessions: u32,
    /// Sessions from this machine itself: what comes through a proxy on it, or from a test.
    pub sessions_loopback: u32,
}

impl Default for CapLimits {
    fn default() -> Self {
        Self {
            connections_before_login: 256,
            logins_per_s: 100,
            registrations_per_min: 60,
            sessions: u32::MAX,
            sessions_loopback: u32::MAX,
        }
    }
}

/// What is counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl Source {
    /// The source that an address belongs to: itself, or its /64.
    #[must_use]
    pub fn new(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self(IpAddr::V4(address)),
            IpAddr::V6(address) => Self(IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64)))),
        }
    }
}

impl Source {
    /// The address, or the first of its /64.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    const fn is_loopback(self) -> bool {
        match self.0 {
            IpAddr::V4(address) => address.is_loopback(),
            // The /64 of ::1 has nobody else.
            IpAddr::V6(address) => address.is_unspecified(),
        }
    }
}

/// The counts of all addresses; shared by the acceptor and the workers.
#[derive(Debug)]
pub struct Caps {
    limits: CapLimits,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Connections before login; as many addresses as there are connections.
    connections: HashMap<Source, Connections>,
    /// As many addresses as there are sessions.
    sessions: HashMap<Source, u32>,
    rates: HashMap<Source, Rates>,
    /// The addresses for which there was no room; together they may what one may.
    others: Rates,
    swept_ms: u64,
}

#[derive(Debug, Default)]
struct Connections {
    count: u32,
    /// Since when there was no room for somebody, and how many found room since then.
    full_since_ms: Option<u64>,
    served: u64,
}

#[derive(Debug, Default)]
struct Rates {
    logins: Window,
    registrations: Window,
}

/// What becomes of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It is served.
    Served,
    /// It is told to come back later.
    Told,
    /// There are too many even to be told: it is dropped.
    Dropped,
}

impl Caps {
    /// No counts yet.
    #[must_use]
    pub fn new(limits: CapLimits) -> Self {
        Self { limits, counts: Mutex::default() }
    }

    /// A connection was accepted; unless it is dropped it counts until [`Caps::leave`].
    pub fn enter(&self, source: Source) -> Admission {
        let cap = self.limits.connections_before_login;
        let mut counts = self.lock();
        let connections = counts.connections.entry(source).or_default();
        if connections.count >= cap.saturating_mul(2) {
            return Admission::Dropped;
        }
        connections.count += 1;
        if connections.count > cap {
            return Admission::Told;
        }
        connections.served += u64::from(connections.full_since_ms.is_some());
        Admission::Served
    }

    /// Seconds after which a connection that was not served may come back: behind those that are served, in the one queue of all
    /// who wait for a login. The queue goes on as fast as logins are admitted, or slower where connections keep their places.
    pub fn wait_to_enter(&self, source: Source, now_ms: u64) -> u32 {
        let (cap, logins) = (u64::from(self.limits.connections_before_login), self.limits.logins_per_s);
        let mut counts = self.lock();
        let gap_ms = counts.connections.get_mut(&source).map_or(0, |connections| connections.gap_ms(cap, now_ms));
        counts.rates(source, now_ms).logins.queue_up(SECOND_MS, logins, cap, gap_ms, now_ms)
    }

    /// A connection has logged in or ended.
    pub fn leave(&self, source: Source) {
        let mut counts = self.lock();
        let Some(connections) = counts.connections.get_mut(&source) else { return };
        connections.count = connections.count.saturating_sub(1);
        if connections.count == 0 {
            counts.connections.remove(&source);
        }
    }

    /// Whether one more session is admitted; it counts until [`Caps::leave_session`].
    pub fn enter_session(&self, source: Source) -> bool {
        let mut counts = self.lock();
        let count = counts.sessions.entry(source).or_default();
        let max = if source.is_loopback() { self.limits.sessions_loopback } else { self.limits.sessions };
        let is_admitted = *count < max;
        if is_admitted {
            *count += 1;
        }
        is_admitted
    }

    /// A session that was admitted has ended.
    pub fn leave_session(&self, source: Source) {
        let mut counts = self.lock();
        let Some(count) = counts.sessions.get_mut(&source) else { return };
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.sessions.remove(&source);
        }
    }

    /// Whether one more login is admitted.
    ///
    /// # Errors
    /// Seconds to wait.
    pub fn log_in(&self, source: Source, now_ms: u64) -> Result<(), u32> {
        let cap = self.limits.logins_per_s;
        self.lock().rates(source, now_ms).logins.take(SECOND_MS, cap, now_ms)
    }

    /// Whether one more registration is admitted.
    ///
    /// # Errors
    /// Seconds to wait.
    pub fn register(&self, source: Source, now_ms: u64) -> Result<(), u32> {
        let cap = self.limits.registrations_per_min;
        self.lock().rates(source, now_ms).registrations.take(MINUTE_MS, cap, now_ms)
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        // What a panicking thread left is off by one at most.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections {
    /// How long it takes for a place to become free, as far as it was seen; never longer than when all last as long as they can.
    fn gap_ms(&mut self, cap: u64, now_ms: u64) -> u64 {
        let full_ms = now_ms.saturating_sub(*self.full_since_ms.get_or_insert(now_ms));
        // A crowd comes in one second and says by its logins how fast it goes; who says nothing is closed after ten.
        let seen_ms = if full_ms < SEEN_MS { 0 } else { full_ms / (self.served + 1) };
        seen_ms.min(CONNECTION_MS.div_ceil(cap.max(1)))
    }
}

impl Counts {
    /// The rates of an address. When there are too many addresses, those that owe nothing are forgotten, at most once a second.
    fn rates(&mut self, source: Source, now_ms: u64) -> &mut Rates {
        let is_full = self.rates.len() >= ADDRESSES_MAX && !self.rates.contains_key(&source);
        if is_full && now_ms >= self.swept_ms.saturating_add(SECOND_MS) {
            self.swept_ms = now_ms;
            self.rates.retain(|_, rates| !rates.is_idle(now_ms));
        }
        if is_full && self.rates.len() >= ADDRESSES_MAX {
            return &mut self.others;
        }
        self.rates.entry(source).or_default()
    }
}

impl Rates {
    fn is_idle(&mut self, now_ms: u64) -> bool {
        self.logins.is_idle(SECOND_MS, now_ms) && self.registrations.is_idle(MINUTE_MS, now_ms)
    }
}

#[cfg(test)]
mod tests {
    use core::net::{IpAddr, Ipv4Addr};

    use super::{ADDRESSES_MAX, Admission, CapLimits, Caps, Source};

    fn source(text: &str) -> Source {
        Source::new(text.parse().expect("an address"))
    }

    #[test]
    fn connections_before_login_at_the_cap_and_above() {
        let caps = Caps::new(CapLimits { connections_before_login: 2, ..CapLimits::default() });
        let own = source("192.0.2.1");
        let entered: Vec<Admission> = (0..5).map(|_| caps.enter(own)).collect();
        use Admission::{Dropped, Served, Told};
        assert_eq!(entered, [Served, Served, Told, Told, Dropped]);
        assert_eq!(caps.enter(source("192.0.2.2")), Served);
        (0..4).for_each(|_| caps.leave(own));
        assert_eq!(caps.enter(own), Served);
    }

    #[test]
    fn an_address_has_so_many_sessions_and_no_more_and_others_have_theirs() {
        let caps = Caps::new(CapLimits { sessions: 2, ..CapLimits::default() });
        let own = source("192.0.2.1");
        assert_eq!([own, own, own, source("192.0.2.2")].map(|own| caps.enter_session(own)), [true, true, false, true]);
        caps.leave_session(own);
        assert_eq!([own, own].map(|own| caps.enter_session(own)), [true, false]);
        for own in [own, own, source("192.0.2.2")] {
            caps.leave_session(own);
        }
        assert!(caps.lock().sessions.is_empty(), "who has gone is forgotten");
        assert!(["127.0.0.3", "::1"].map(source).into_iter().all(|own| (0..9).all(|_| caps.enter_session(own))));
    }

    #[test]
    fn connections_that_were_told_come_back_as_fast_as_logins_are_admitted() {
        let limits = CapLimits { connections_before_login: 10, logins_per_s: 2, ..CapLimits::default() };
        let caps = Caps::new(limits);
        let own = source("192.0.2.1");
        for _ in 0..11 {
            caps.enter(own);
        }
        let told = [0, 0, 0, 0, 500].map(|now_ms| caps.wait_to_enter(own, now_ms));
        assert_eq!(told, [6, 7, 7, 8, 8], "behind ten, 550 ms for each");
        assert_eq!(caps.wait_to_enter(source("192.0.2.2"), 0), 6);
        // Who was refused a login waits in the same queue.
        assert_eq!([caps.log_in(own, 500), caps.log_in(own, 500)], [Ok(()), Ok(())]);
        assert_eq!(caps.log_in(own, 500), Err(8));
    }

    #[test]
    fn connections_that_keep_their_places_slow_the_queue_down() {
        let caps = Caps::new(CapLimits { connections_before_login: 10, ..CapLimits::default() });
        let own = source("192.0.2.1");
        for _ in 0..11 {
            caps.enter(own);
        }
        assert_eq!(caps.wait_to_enter(own, 0), 1, "ten logins take a tenth of a second");
        // For two minutes nobody has left: a place takes three seconds, as long as ten connections of thirty seconds do.
        assert_eq!([caps.wait_to_enter(own, 120_000), caps.wait_to_enter(own, 120_000)], [30, 33]);
        // All of them have gone: it begins anew.
        (0..11).for_each(|_| caps.leave(own));
        caps.enter(own);
        assert_eq!(caps.wait_to_enter(own, 200_000), 1);
    }

    #[test]
    fn addresses_have_their_own_logins_and_registrations() {
        let caps = Caps::new(CapLimits { logins_per_s: 1, registrations_per_min: 1, ..CapLimits::default() });
        for own in ["192.0.2.1", "192.0.2.2"].map(source) {
            assert_eq!([caps.log_in(own, 0), caps.log_in(own, 999)], [Ok(()), Err(1)]);
            assert_eq!([caps.register(own, 0), caps.register(own, 59_999)], [Ok(()), Err(1)]);
            assert_eq!([caps.log_in(own, 1_000), caps.register(own, 60_000)], [Ok(()), Ok(())]);
        }
    }

    #[test]
    fn addresses_without_room_share_one_count() {
        let caps = Caps::new(CapLimits { registrations_per_min: 1, ..CapLimits::default() });
        let number = |number: usize| Source::new(IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(number).expect("IPv4"))));
        assert!((0..ADDRESSES_MAX).all(|known| caps.register(number(known), 0) == Ok(())));
        assert_eq!(caps.register(number(ADDRESSES_MAX), 59_000), Ok(()), "one of the others");
        assert!(caps.register(number(ADDRESSES_MAX + 1), 59_000).is_err(), "another of the others");
        assert!(caps.register(number(0), 59_000).is_err(), "nothing is forgotten too early");
        // A minute after they registered they are forgotten.
        assert_eq!(caps.register(number(ADDRESSES_MAX + 1), 60_000), Ok(()));
        let remembered = caps.lock().rates.len();
        assert!(remembered <= 2, "{remembered}");
    }

    #[test]
    fn an_ipv6_network_counts_as_one() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
    }
}
