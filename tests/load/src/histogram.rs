//! Latencies in buckets of fixed bounds, each 1/32 wide: as many values as wanted in 16 KiB.

use std::time::Duration;

/// Buckets per power of two, as a power of two.
const FINE_BITS: u32 = 5;
const FINE: usize = 1 << FINE_BITS;
/// Everything up to the largest duration in nanoseconds that 64 bits hold.
const BUCKETS: usize = FINE * (64 - FINE_BITS as usize + 1);

/// Counts of values by bucket.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Histogram {
    fn default() -> Self {
        Self { counts: vec![0; BUCKETS], total: 0 }
    }
}

impl Histogram {
    /// Adds one value.
    pub(crate) fn record(&mut self, value: Duration) {
        let nanoseconds = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        if let Some(count) = self.counts.get_mut(bucket(nanoseconds)) {
            *count += 1;
            self.total += 1;
        }
    }

    /// How many values there are.
    #[cfg(test)]
    pub(crate) const fn total(&self) -> u64 {
        self.total
    }

    /// The smallest bound that `per_mille` thousandths of the values do not exceed, in milliseconds; none when there are no values.
    pub(crate) fn quantile_ms(&self, per_mille: u64) -> Option<f64> {
        let wanted = (self.total * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        let reached = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(upper(reached) as f64 / 1e6)
    }
}

/// Below 32 a bucket per value; above, 32 buckets per power of two.
fn bucket(value: u64) -> usize {
    let shift = value.checked_ilog2().map_or(0, |power| power.saturating_sub(FINE_BITS));
    // At most 63: what is left of the value has six digits.
    let fine = usize::try_from(value >> shift).unwrap_or_default();
    FINE * shift as usize + fine
}

/// The largest value of a bucket.
fn upper(bucket: usize) -> u64 {
    let shift = (bucket / FINE).saturating_sub(1);
    let fine = (bucket - FINE * shift) as u64;
    (fine << shift) + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_ascend_without_gap_to_the_largest_value() {
        for value in (0..200_000).chain([u64::MAX / 3, u64::MAX - 1, u64::MAX]) {
            let own = bucket(value);
            assert!(own < BUCKETS && value <= upper(own), "{value}");
            assert!(own == 0 || upper(own - 1) < value, "{value}");
        }
    }

    #[test]
    fn a_bound_is_at_most_a_thirty_second_above_the_value() {
        for value in [33, 1_000, 123_456, 987_654_321] {
            let bound = upper(bucket(value));
            assert!(bound - value <= value / 32 + 1, "{value}: {bound}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.quantile_ms(500), None);
        (1..=1_000).for_each(|value| histogram.record(Duration::from_micros(value)));
        assert_eq!(histogram.total(), 1_000);
        for (per_mille, expected) in [(500, 0.5), (990, 0.99), (999, 0.999), (1_000, 1.0)] {
            let found = histogram.quantile_ms(per_mille).expect("there are values");
            assert!((expected..=expected * 1.04).contains(&found), "{per_mille}: {found}");
        }
    }
}
