//! Cursors: positions per lane, and sets of positions in their wire form.

use std::fmt;
use std::str::FromStr;

use crate::{GenerationId, Lane, Seq};

/// One position per lane.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LaneSeqs {
    /// Of the normal lane.
    pub normal: Seq,
    /// Of the background lane.
    pub background: Seq,
}

impl LaneSeqs {
    /// The same position in both lanes.
    #[must_use]
    pub const fn both(seq: Seq) -> Self {
        Self { normal: seq, background: seq }
    }

    /// The position in `lane`.
    #[must_use]
    pub const fn get(&self, lane: Lane) -> Seq {
        match lane {
            Lane::Normal => self.normal,
            Lane::Background => self.background,
        }
    }

    /// Sets the position in `lane`.
    pub const fn set(&mut self, lane: Lane, seq: Seq) {
        match lane {
            Lane::Normal => self.normal = seq,
            Lane::Background => self.background = seq,
        }
    }

    /// Raises the position in `lane` to `seq` if it is lower.
    pub fn raise(&mut self, lane: Lane, seq: Seq) {
        self.set(lane, self.get(lane).max(seq));
    }

    /// The smaller position per lane.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Self { normal: self.normal.min(other.normal), background: self.background.min(other.background) }
    }
}

/// What a device states at login: up to where it has durably stored everything addressed to it (DESIGN rule 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The life of the timeline in which the positions count.
    pub generation: GenerationId,
    /// The positions.
    pub seqs: LaneSeqs,
}

/// Positions `first..=last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SeqRange {
    /// The first position in it.
    pub first: Seq,
    /// The last position in it; never below `first`.
    pub last: Seq,
}

/// A set of positions as ordered, disjoint ranges; `4710 4712-4720` in text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seqs(Vec<SeqRange>);

/// The text is not a list of positions and ranges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a list of positions and ranges such as \"4710 4712-4720\"")]
pub struct SeqsError;

impl Seqs {
    /// The ranges, ascending.
    #[must_use]
    pub fn ranges(&self) -> &[SeqRange] {
        &self.0
    }

    /// Whether the set is empty.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `seq` is in the set.
    #[must_use]
    pub fn contains(&self, seq: Seq) -> bool {
        let after = self.0.partition_point(|range| range.first <= seq);
        after.checked_sub(1).and_then(|index| self.0.get(index)).is_some_and(|range| seq <= range.last)
    }

    /// Appends `first..=last`, which must lie above everything in the set; an empty range does nothing.
    pub fn push(&mut self, first: Seq, last: Seq) {
        if first > last {
            return;
        }
        match self.0.last_mut() {
            Some(range) if range.last.saturating_add(1) >= first => range.last = range.last.max(last),
            _ => self.0.push(SeqRange { first, last }),
        }
    }

    /// The positions of `(after, upto]` that are not in the set.
    #[must_use]
    pub fn complement(&self, after: Seq, upto: Seq) -> Self {
        let mut rest = Self::default();
        let mut next = after.saturating_add(1);
        for range in &self.0 {
            if range.last < next {
                continue;
            }
            if range.first > upto {
                break;
            }
            rest.push(next, range.first.saturating_sub(1));
            next = range.last.saturating_add(1);
        }
        rest.push(next, upto);
        rest
    }
}

impl fmt::Display for Seqs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            if range.first == range.last {
                write!(f, "{}", range.first)?;
            } else {
                write!(f, "{}-{}", range.first, range.last)?;
            }
        }
        Ok(())
    }
}

/// Reads the wire form; the ranges must ascend without overlap.
impl FromStr for Seqs {
    type Err = SeqsError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut set = Self::default();
        let mut next: Seq = 0;
        for part in text.split_ascii_whitespace() {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let first: Seq = first.parse().map_err(|_| SeqsError)?;
            let last: Seq = last.parse().map_err(|_| SeqsError)?;
            if first < next || last < first {
                return Err(SeqsError);
            }
            set.push(first, last);
            next = last.checked_add(1).ok_or(SeqsError)?;
        }
        Ok(set)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let set: Seqs = "4710 4712-4720 4721".parse().expect("ranges");
        assert_eq!(set.to_string(), "4710 4712-4721");
        assert!(set.contains(4710) && !set.contains(4711) && set.contains(4721) && !set.contains(4722));
        for wrong in ["x", "3-1", "5 4", "1-", "18446744073709551615"] {
            assert_eq!(wrong.parse::<Seqs>(), Err(SeqsError), "{wrong}");
        }
    }

    #[test]
    fn the_complement_is_what_is_missing() {
        let set: Seqs = "3 5-6 12".parse().expect("ranges");
        assert_eq!(set.complement(2, 10).to_string(), "4 7-10");
        assert_eq!(set.complement(5, 6).to_string(), "");
        assert_eq!(Seqs::default().complement(0, 2).to_string(), "1-2");
    }
}
