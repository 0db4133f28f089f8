//! The choice of the interval: within which bounds, for which network, and the fixed one.

use super::Learned;

/// Which network the phone is in, as far as the platform can tell: the same number for the same network, another one for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub u64);

impl NetworkId {
    /// The network of a platform that does not tell networks apart.
    pub const UNNAMED: Self = Self(0);

    /// The id of a network that the platform describes: on Android the transport and what stays the same from one visit to the
    /// next (the operator's number of a mobile network; gateway, DNS servers and domain of a Wi-Fi). Only this hash (FNV-1a) is
    /// kept, since where a phone has been is nobody's business; two networks that collide learn together, no more.
    #[must_use]
    pub fn of(description: &str) -> Self {
        let hash = description
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self(hash.max(1))
    }
}

/// Between what the interval must stay; what the server did not say is open.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Bounds {
    /// The server's lower bound, in milliseconds.
    pub min_ms: Option<u64>,
    /// The server's upper bound, in milliseconds; it goes before every lower one.
    pub max_ms: Option<u64>,
}

impl Bounds {
    /// The lower bound, where the client wants at least `own_ms` unless the server says otherwise.
    #[must_use]
    pub fn floor_ms(self, own_ms: u64) -> u64 {
        self.clamp(0, own_ms)
    }

    /// `interval_ms` within the bounds, in whole seconds, which is what the server is promised.
    #[must_use]
    pub fn clamp(self, interval_ms: u64, own_ms: u64) -> u64 {
        let ms = interval_ms.max(self.min_ms.unwrap_or(own_ms)).min(self.max_ms.unwrap_or(u64::MAX));
        (ms - ms % 1_000).max(1_000)
    }
}

/// Chooses the interval: the longest silence before a heartbeat.
pub trait Interval: Send {
    /// The interval in milliseconds: whole seconds within the bounds.
    fn interval_ms(&self, bounds: Bounds) -> u64;

    /// The phone is in this network now.
    fn enter(&mut self, _network: NetworkId) {}

    /// What former processes have learned.
    fn restore(&mut self, _learned: Vec<Learned>) {}

    /// A quiet period of `quiet_ms` was survived: the heartbeat behind it was answered.
    fn survived(&mut self, _quiet_ms: u64, _bounds: Bounds) {}

    /// The connection was silently dropped during a quiet period of `quiet_ms`; in force at once, believed when it is confirmed.
    fn dropped(&mut self, _quiet_ms: u64, _bounds: Bounds) {}

    /// The next login came about at once: the network was there all the time, and it was the silence that cost the connection.
    fn confirm(&mut self) {}

    /// It did not: more was lost than an idle connection, and the drop says nothing of silence.
    fn absolve(&mut self) {}

    /// What is to be stored, if anything has changed since the last call.
    fn take_learned(&mut self) -> Option<Learned> {
        None
    }
}

/// Always the same interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fixed {
    /// The interval in milliseconds.
    pub interval_ms: u64,
}

impl Interval for Fixed {
    fn interval_ms(&self, bounds: Bounds) -> u64 {
        bounds.clamp(self.interval_ms, 1_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_description_is_the_same_network_and_never_the_unnamed_one() {
        assert_eq!(NetworkId::of("wifi:home"), NetworkId::of("wifi:home"));
        assert_ne!(NetworkId::of("wifi:home"), NetworkId::of("wifi:work"));
        assert_ne!(NetworkId::of(""), NetworkId::UNNAMED);
    }

    #[test]
    fn bounds_hold_and_the_upper_one_goes_first() {
        let bounds = |min, max| Bounds { min_ms: min, max_ms: max };
        let clamp = |bounds: Bounds, ms| bounds.clamp(ms, 20_000);
        assert_eq!(clamp(bounds(None, None), 240_999), 240_000, "whole seconds");
        assert_eq!(clamp(bounds(None, None), 1_000), 20_000, "its own floor");
        assert_eq!(clamp(bounds(Some(5_000), None), 1_000), 5_000, "the server's goes before its own");
        assert_eq!(clamp(bounds(Some(60_000), Some(600_000)), 700_000), 600_000);
        assert_eq!(clamp(bounds(Some(60_000), Some(600_000)), 59_999), 60_000);
        assert_eq!(
            clamp(bounds(None, Some(10_000)), 240_000),
            10_000,
            "below its own floor when the server wants that"
        );
        assert_eq!(clamp(bounds(Some(0), Some(0)), 240_000), 1_000, "never none at all");
        assert_eq!(bounds(None, Some(10_000)).floor_ms(20_000), 10_000);
    }

    #[test]
    fn a_fixed_interval_keeps_to_the_servers_bounds() {
        let fixed = Fixed { interval_ms: 30_000 };
        assert_eq!(fixed.interval_ms(Bounds::default()), 30_000);
        assert_eq!(fixed.interval_ms(Bounds { min_ms: Some(60_000), max_ms: None }), 60_000);
        assert_eq!(fixed.interval_ms(Bounds { min_ms: None, max_ms: Some(10_000) }), 10_000);
    }
}
