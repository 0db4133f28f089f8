//! How many connections of a listener one address has, so that none takes the places of all others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places of a listener.
#[derive(Debug)]
pub(super) struct Places {
    /// Connections of one address (IPv6: one /64).
    of_one_max: usize,
    taken: Mutex<HashMap<IpAddr, usize>>,
}

/// A place that is taken, up to its drop.
#[derive(Debug)]
pub(super) struct Place {
    places: Arc<Places>,
    source: IpAddr,
}

impl Places {
    pub(super) fn new(of_one_max: usize) -> Arc<Self> {
        Arc::new(Self { of_one_max, taken: Mutex::default() })
    }

    /// A place for one more connection of an address; none when it has as many as it may.
    pub(super) fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let source = source(address);
        let mut taken = self.lock();
        let count = taken.entry(source).or_default();
        if *count >= self.of_one_max {
            return None;
        }
        *count += 1;
        Some(Place { places: Arc::clone(self), source })
    }

    /// Nothing that holds the lock leaves the counts half changed.
    fn lock(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        if let Some(count) = taken.get_mut(&self.source) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.source);
            }
        }
    }
}

/// What is counted together: an address, or the /64 that a subscriber of IPv6 has.
fn source(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_places_and_no_more_and_others_have_theirs() {
        let places = Places::new(2);
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        let own = address("192.0.2.1");
        let (first, second) = (places.take(own), places.take(own));
        assert!(first.is_some() && second.is_some() && places.take(own).is_none());
        assert!(places.take(address("192.0.2.2")).is_some());
        drop(first);
        let again = places.take(own);
        assert!(again.is_some() && places.take(own).is_none());
        drop((second, again));
        assert!(places.lock().is_empty(), "who has gone is forgotten");
    }

    #[test]
    fn a_network_of_ipv6_counts_as_one() {
        let places = Places::new(1);
        let take = |text: &str| places.take(text.parse().expect("an address"));
        let taken = take("2001:db8:0:1::1");
        assert!(taken.is_some() && take("2001:db8:0:1:ffff::2").is_none() && take("2001:db8:0:2::1").is_some());
    }
}
