//! How short memory is: told by who measures it, asked by whoever could take more.

use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// How short memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is room.
    #[default]
    Calm,
    /// What is new is told to come back later.
    High,
    /// What is new is turned away without a word.
    Full,
}

/// The level of now, and what all connections together owe their clients: bytes that sockets have not taken yet. These grow between two
/// measurements faster than anything else, so that whoever adds to them looks at once.
#[derive(Debug)]
pub struct Pressure {
    level: AtomicU8,
    owed: AtomicUsize,
    owed_max: AtomicUsize,
}

impl Default for Pressure {
    fn default() -> Self {
        Self { level: AtomicU8::new(0), owed: AtomicUsize::new(0), owed_max: AtomicUsize::new(usize::MAX) }
    }
}

impl Pressure {
    /// Tells the level.
    pub fn set(&self, level: Level) {
        let number = match level {
            Level::Calm => 0,
            Level::High => 1,
            Level::Full => 2,
        };
        self.level.store(number, Ordering::Relaxed);
    }

    /// The level of now.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.level.load(Ordering::Relaxed) {
            0 => Level::Calm,
            1 => Level::High,
            _ => Level::Full,
        }
    }

    /// Bytes that all connections owe, to some tens of KiB.
    #[must_use]
    pub fn owed(&self) -> usize {
        self.owed.load(Ordering::Relaxed)
    }

    /// Tells how many bytes all connections may owe.
    pub fn set_owed_max(&self, bytes: usize) {
        self.owed_max.store(bytes, Ordering::Relaxed);
    }

    /// So many bytes more, or fewer, are owed.
    pub fn add_owed(&self, bytes: isize) {
        // Two's complement: what was added is taken away again.
        self.owed.fetch_add(bytes.cast_unsigned(), Ordering::Relaxed);
    }

    /// Whether more is owed than may be.
    #[must_use]
    pub fn is_short(&self) -> bool {
        self.owed() > self.owed_max.load(Ordering::Relaxed)
    }

    /// Whether a quarter of what may be owed is free: who was let go makes room for more than the next stanza.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.owed() <= self.owed_max.load(Ordering::Relaxed) / 4 * 3
    }
}

#[cfg(test)]
mod tests {
    use super::{Level, Pressure};

    #[test]
    fn what_was_told_is_what_is_asked() {
        let pressure = Pressure::default();
        assert_eq!(pressure.level(), Level::Calm);
        for level in [Level::Full, Level::High, Level::Calm] {
            pressure.set(level);
            assert_eq!(pressure.level(), level);
        }
    }

    #[test]
    fn f23_what_is_owed_is_short_above_its_limit_and_has_room_a_quarter_below() {
        let pressure = Pressure::default();
        pressure.add_owed(1_000_000);
        assert!(!pressure.is_short(), "nobody said how much may be owed");
        pressure.set_owed_max(1_000);
        assert!(pressure.is_short());
        for (change, is_short, has_room) in [(-999_000, false, false), (-250, false, true), (251, true, false)] {
            pressure.add_owed(change);
            assert_eq!((pressure.is_short(), pressure.has_room()), (is_short, has_room), "{}", pressure.owed());
        }
    }
}
