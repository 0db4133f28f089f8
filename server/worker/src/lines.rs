//! Lines of the log that strangers can cause without end: so many a minute for each address and for all, and how many had none.

use core::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use longwire_core::rate::Rates;

use crate::caps::Source;

const MINUTE_MS: u64 = 60_000;

/// Who has had a line lately.
#[derive(Debug)]
pub struct Lines {
    sources: Rates<Option<Source>>,
    all: Rates<()>,
    untold: AtomicU64,
}

impl Lines {
    /// Lines a minute of one address (IPv6: one /64), and of all.
    #[must_use]
    pub fn new(of_one: NonZeroU32, of_all: NonZeroU32) -> Self {
        Self {
            sources: Rates::new(of_one, MINUTE_MS, of_one.get()),
            all: Rates::new(of_all, MINUTE_MS, of_all.get()),
            untold: AtomicU64::new(0),
        }
    }

    /// Whether there is a line for what `peer` has done now: how many had none since the last that had one.
    pub fn take(&self, peer: Option<IpAddr>, now_ms: u64) -> Option<u64> {
        let is_told =
            self.sources.take(&peer.map(Source::new), now_ms).is_granted && self.all.take(&(), now_ms).is_granted;
        if is_told {
            return Some(self.untold.swap(0, Ordering::Relaxed));
        }
        self.untold.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_so_many_lines_a_minute_and_so_have_all() {
        let number = |number| NonZeroU32::new(number).expect("not zero");
        let lines = Lines::new(number(2), number(3));
        let take = |text: &str, now_ms| lines.take(Some(text.parse().expect("an address")), now_ms);
        let own = "2001:db8::1";
        assert_eq!([take(own, 0), take("2001:db8::2", 0), take(own, 0)], [Some(0), Some(0), None], "one /64 is one");
        assert_eq!([take("192.0.2.1", 0), take("192.0.2.2", 0)], [Some(1), None]);
        assert_eq!(take(own, MINUTE_MS), Some(1));
    }
}
