//! How fast a session may send: what is above is read later, so that nobody's flood takes the server from the others.

/// Bytes that a stanza costs beside its own: it is parsed, routed, answered.
pub(crate) const STANZA_BYTES: usize = 512;
/// Seconds' worth that may come at once.
const BURST_S: u64 = 2;

/// What a session has spent, as an instant: it goes on when that is no further away than a burst (the generic cell rate algorithm).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Budget {
    spent_until_us: u64,
}

impl Budget {
    /// Spends `bytes` at `per_s` bytes a second; gives when the session may go on, if that is not now. Nobody waits where `per_s` is 0.
    pub(crate) fn spend(&mut self, bytes: usize, per_s: u32, now_ms: u64) -> Option<u64> {
        if per_s == 0 {
            return None;
        }
        let cost_us = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_mul(1_000_000) / u64::from(per_s);
        let now_us = now_ms.saturating_mul(1_000);
        self.spent_until_us = self.spent_until_us.max(now_us).saturating_add(cost_us);
        let late_us = self.spent_until_us.saturating_sub(now_us).saturating_sub(BURST_S * 1_000_000);
        (late_us > 0).then(|| now_ms.saturating_add(late_us.div_ceil(1_000)))
    }
}

#[cfg(test)]
mod tests {
    use super::Budget;

    #[test]
    fn a_burst_goes_at_once_and_what_is_above_at_its_rate() {
        let mut budget = Budget::default();
        assert_eq!(budget.spend(2_000, 1_000, 5_000), None);
        assert_eq!(budget.spend(100, 1_000, 5_000), Some(5_100));
        assert_eq!(budget.spend(1_000, 1_000, 5_100), Some(6_100));
        assert_eq!(budget.spend(0, 1_000, 6_100), None);
        assert_eq!(budget.spend(2_000, 1_000, 60_000), None, "what was not used is a burst again, and no more");
        assert_eq!(budget.spend(1, 1_000, 60_000), Some(60_001));
    }

    #[test]
    fn without_a_rate_nobody_waits() {
        assert_eq!(Budget::default().spend(usize::MAX, 0, 1), None);
    }
}
