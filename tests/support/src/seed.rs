//! Chance with a seed that is printed, so that a failing run can be had again.

use std::time::SystemTime;

/// A small generator (SplitMix64): good enough to choose, of no use for secrets.
#[derive(Clone, Debug)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// The generator of this seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The seed in `SEED`, or one taken from the clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the tests of real processes are the rim")]
    pub fn seed() -> u64 {
        let given = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
        given.unwrap_or_else(|| {
            let elapsed = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            elapsed.as_secs() % 1_000_000 * 1_000 + u64::from(elapsed.subsec_millis())
        })
    }

    /// 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`, which is at least one.
    pub const fn below(&mut self, end: usize) -> usize {
        debug_assert!(end > 0, "there is no number below zero");
        #[expect(clippy::cast_possible_truncation, reason = "the remainder is below `end`, a usize")]
        let drawn = (self.bits() % end as u64) as usize;
        drawn
    }

    /// One of `items`; none of an empty list.
    pub fn one<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        if items.is_empty() {
            return None;
        }
        items.get(self.below(items.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_choices_again() {
        let draw = |seed| {
            let mut chance = Chance::new(seed);
            (0..50).map(|_| chance.below(7)).collect::<Vec<_>>()
        };
        assert_eq!(draw(4), draw(4));
        assert_ne!(draw(4), draw(5));
        assert!((0..7).all(|wanted| draw(4).contains(&wanted)));
    }
}
