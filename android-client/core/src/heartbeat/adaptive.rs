//! An interval that learns, per network, how long a connection may be idle.

use super::{Bounds, Interval, Learned, NetworkId};

/// Networks that are remembered: more than anybody goes through in a month. The one that was left longest ago is forgotten.
pub const NETWORKS_MAX: usize = 32;

/// Learns; starts from the default in a network that it does not know.
#[derive(Debug, Clone)]
pub struct Adaptive {
    current: Learned,
    /// What was known before the last drop, until that drop is confirmed.
    before_drop: Option<Learned>,
    /// `current` as it was last stored; none before the first time.
    stored: Option<Learned>,
    /// The other networks.
    others: Vec<Learned>,
}

impl Default for Adaptive {
    fn default() -> Self {
        let current = Learned::nothing(NetworkId::UNNAMED, 1);
        Self { current, before_drop: None, stored: None, others: Vec::new() }
    }
}

impl Adaptive {
    /// The network, with what is known of it, becomes the current one.
    fn take_up(&mut self, network: NetworkId) {
        let newest = self.others.iter().map(|other| other.used).max().unwrap_or_default().max(self.current.used);
        let known = self.others.iter().position(|other| other.network == network).map(|at| self.others.swap_remove(at));
        (self.current, self.stored) = match known {
            Some(known) => (Learned { used: newest + 1, ..known }, Some(known)),
            None => (Learned::nothing(network, newest + 1), None),
        };
    }

    fn forget_oldest(&mut self) {
        self.others.sort_unstable_by_key(|other| std::cmp::Reverse(other.used));
        self.others.truncate(NETWORKS_MAX - 1);
    }
}

impl Interval for Adaptive {
    fn interval_ms(&self, bounds: Bounds) -> u64 {
        self.current.interval_ms(bounds)
    }

    fn enter(&mut self, network: NetworkId) {
        if network == self.current.network {
            return;
        }
        self.absolve();
        // A network in which nothing happened is not remembered.
        if self.stored.is_some() {
            self.others.push(self.current);
        }
        self.take_up(network);
        self.forget_oldest();
    }

    fn restore(&mut self, learned: Vec<Learned>) {
        self.others = learned;
        self.take_up(self.current.network);
        self.forget_oldest();
    }

    fn survived(&mut self, quiet_ms: u64, bounds: Bounds) {
        self.current = self.current.after_survival(quiet_ms, bounds);
    }

    fn dropped(&mut self, quiet_ms: u64, bounds: Bounds) {
        self.before_drop = Some(self.current);
        self.current = self.current.after_drop(quiet_ms, bounds);
    }

    fn confirm(&mut self) {
        self.before_drop = None;
    }

    fn absolve(&mut self) {
        if let Some(before) = self.before_drop.take() {
            self.current = before;
        }
    }

    fn take_learned(&mut self) -> Option<Learned> {
        if self.stored.is_some_and(|stored| !self.current.is_worth_storing(&stored)) {
            return None;
        }
        self.stored = Some(self.current);
        Some(self.current)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPEN: Bounds = Bounds { min_ms: None, max_ms: Some(600_000) };
    const HOME: NetworkId = NetworkId(1);
    const WORK: NetworkId = NetworkId(2);

    fn at(network: NetworkId) -> Adaptive {
        let mut adaptive = Adaptive::default();
        adaptive.enter(network);
        adaptive.take_learned();
        adaptive
    }

    #[test]
    fn each_network_has_an_interval_of_its_own() {
        let mut adaptive = at(HOME);
        adaptive.dropped(240_000, OPEN);
        adaptive.confirm();
        assert_eq!(adaptive.interval_ms(OPEN), 120_000);
        adaptive.enter(WORK);
        assert_eq!(adaptive.interval_ms(OPEN), 240_000);
        adaptive.survived(240_000, OPEN);
        adaptive.take_learned();
        adaptive.enter(HOME);
        assert_eq!(adaptive.interval_ms(OPEN), 120_000);
        adaptive.enter(WORK);
        assert_eq!(adaptive.interval_ms(OPEN), 300_000);
    }

    #[test]
    fn what_was_learned_is_there_after_the_process_died() {
        let mut adaptive = at(HOME);
        adaptive.dropped(240_000, OPEN);
        adaptive.confirm();
        let stored: Vec<_> = adaptive.take_learned().into_iter().collect();
        assert_eq!(stored.len(), 1);
        for is_network_told_first in [true, false] {
            let mut next = Adaptive::default();
            if is_network_told_first {
                next.enter(HOME);
                next.restore(stored.clone());
            } else {
                next.restore(stored.clone());
                next.enter(HOME);
            }
            assert_eq!(next.interval_ms(OPEN), 120_000);
        }
    }

    #[test]
    fn a_drop_that_was_none_changes_nothing() {
        let mut adaptive = at(HOME);
        adaptive.dropped(240_000, OPEN);
        assert_eq!(adaptive.interval_ms(OPEN), 120_000, "the next login promises less");
        adaptive.absolve();
        assert_eq!((adaptive.interval_ms(OPEN), adaptive.take_learned()), (240_000, None));
        adaptive.dropped(240_000, OPEN);
        adaptive.enter(WORK);
        adaptive.enter(HOME);
        assert_eq!(adaptive.interval_ms(OPEN), 240_000, "the network went before the drop was confirmed");
    }

    #[test]
    fn the_networks_that_were_used_last_are_remembered() {
        let mut adaptive = at(HOME);
        adaptive.dropped(240_000, OPEN);
        adaptive.confirm();
        let limit = u64::try_from(NETWORKS_MAX).expect("small");
        let visit = |adaptive: &mut Adaptive, network: u64| {
            adaptive.enter(NetworkId(network));
            adaptive.take_learned();
        };
        for network in 2..=limit {
            visit(&mut adaptive, network);
        }
        visit(&mut adaptive, HOME.0);
        assert_eq!(adaptive.interval_ms(OPEN), 120_000, "it is one of {NETWORKS_MAX}");
        for network in 0..limit {
            visit(&mut adaptive, 1_000 + network);
        }
        adaptive.enter(HOME);
        assert_eq!(adaptive.interval_ms(OPEN), 240_000, "one more than {NETWORKS_MAX} came after it");
    }

    #[test]
    fn a_visit_is_stored_once() {
        let mut adaptive = Adaptive::default();
        adaptive.enter(HOME);
        assert_eq!(adaptive.take_learned().map(|learned| learned.network), Some(HOME));
        adaptive.enter(HOME);
        assert_eq!(adaptive.take_learned(), None);
    }
}
