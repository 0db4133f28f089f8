//! Sets of positions, as they travel: `4710 4712-4720`.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A set of positions: ordered, disjoint ranges that do not touch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SeqSet(Vec<RangeInclusive<u64>>);

/// The text is not an ascending list of positions and ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of positions and ranges such as \"4710 4712-4720\"")]
pub struct SeqSetError;

impl SeqSet {
    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[RangeInclusive<u64>] {
        &self.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `seq` is in the set.
    #[must_use]
    pub fn contains(&self, seq: u64) -> bool {
        let after = self.0.partition_point(|range| *range.start() <= seq);
        after.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|range| range.contains(&seq))
    }

    /// Adds one position.
    pub fn insert(&mut self, seq: u64) {
        self.insert_range(seq, seq);
    }

    /// Adds `first..=last`, joining the ranges that it meets; an empty range does nothing.
    pub fn insert_range(&mut self, first: u64, last: u64) {
        if first > last {
            return;
        }
        let from = self.0.partition_point(|range| range.end().saturating_add(1) < first);
        let upto = self.0.partition_point(|range| *range.start() <= last.saturating_add(1));
        let met = self.0.get(from..upto).unwrap_or_default();
        let start = met.first().map_or(first, |range| first.min(*range.start()));
        let end = met.last().map_or(last, |range| last.max(*range.end()));
        self.0.splice(from..upto.max(from), [start..=end]);
    }
}

impl FromIterator<u64> for SeqSet {
    fn from_iter<I: IntoIterator<Item = u64>>(seqs: I) -> Self {
        let mut set = Self::default();
        seqs.into_iter().for_each(|seq| set.insert(seq));
        set
    }
}

impl fmt::Display for SeqSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            if range.start() == range.end() {
                write!(f, "{space}{}", range.start())?;
            } else {
                write!(f, "{space}{}-{}", range.start(), range.end())?;
            }
        }
        Ok(())
    }
}

/// Reads the wire form; positions and ranges must ascend without overlap. Empty text is the empty set.
impl FromStr for SeqSet {
    type Err = SeqSetError;

    fn from_str(text: &str) -> Result<Self, SeqSetError> {
        let mut set = Self::default();
        let mut last_end = None;
        for part in text.split_ascii_whitespace() {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (parse_seq(first)?, parse_seq(last)?);
            if first > last || last_end.is_some_and(|end| first <= end) {
                return Err(SeqSetError);
            }
            last_end = Some(last);
            match set.0.last_mut() {
                Some(range) if range.end().saturating_add(1) == first => *range = *range.start()..=last,
                _ => set.0.push(first..=last),
            }
        }
        Ok(set)
    }
}

fn parse_seq(text: &str) -> Result<u64, SeqSetError> {
    let is_digits = text.bytes().all(|byte| byte.is_ascii_digit());
    is_digits.then(|| text.parse().ok()).flatten().ok_or(SeqSetError)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::SeqSet;

    #[test]
    fn reads_and_writes_ranges() {
        let set: SeqSet = "4710 4712-4720".parse().expect("a set");
        assert!(set.contains(4710) && !set.contains(4711) && set.contains(4720) && !set.contains(4721));
        assert_eq!(set.to_string(), "4710 4712-4720");
        assert_eq!("1 2 3-4".parse::<SeqSet>().map(|set| set.to_string()), Ok("1-4".to_owned()));
        assert_eq!("".parse::<SeqSet>(), Ok(SeqSet::default()));
        for wrong in ["2 1", "3-2", "1-3 3", "-1", "1-", "+1", "a", "1--2", "99999999999999999999"] {
            assert!(wrong.parse::<SeqSet>().is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn survives_the_last_position() {
        let mut set: SeqSet = [u64::MAX].into_iter().collect();
        set.insert_range(u64::MAX - 1, u64::MAX);
        assert_eq!(set.to_string().parse(), Ok(set));
    }

    proptest! {
        #[test]
        fn holds_what_was_inserted_and_reads_back(seqs in prop::collection::vec(0_u64..60, 0..40)) {
            let set: SeqSet = seqs.iter().copied().collect();
            for seq in 0..60 {
                prop_assert_eq!(set.contains(seq), seqs.contains(&seq));
            }
            let parts = set.ranges().windows(2).all(|pair| matches!(pair, [a, b] if a.end() + 1 < *b.start()));
            prop_assert!(parts);
            prop_assert_eq!(set.to_string().parse::<SeqSet>(), Ok(set));
        }
    }
}
