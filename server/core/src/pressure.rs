//! How short memory is: told by who measures it, asked by whoever could take more.

use std::sync::atomic::{AtomicU8, Ordering};

/// How short memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is room.
    #[default]
    Calm,
    /// What is new is told to come back later.
    High,
    /// What is new is turned away without a word, and who reads slowly is let go.
    Full,
}

/// The level of now.
#[derive(Debug, Default)]
pub struct Pressure(AtomicU8);

impl Pressure {
    /// Tells the level.
    pub fn set(&self, level: Level) {
        let number = match level {
            Level::Calm => 0,
            Level::High => 1,
            Level::Full => 2,
        };
        self.0.store(number, Ordering::Relaxed);
    }

    /// The level of now.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.0.load(Ordering::Relaxed) {
            0 => Level::Calm,
            1 => Level::High,
            _ => Level::Full,
        }
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
}
