//! How short memory is: told by who measures it, asked by whoever could take more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// How short memory is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// There is room.
    #[default]
    Calm,
    /// New sessions are told to come back later, long before those that are there could leave no room to send.
    High,
    /// What is new is turned away without a word.
    Full,
}

/// The level of now, and what grows between two measurements faster than anything else, so that whoever adds to it looks at once: what all
/// connections together owe their clients, which is bytes that sockets have not taken yet, and what is on its way between sessions.
#[derive(Debug)]
pub struct Pressure {
    level: AtomicU8,
    owed: AtomicUsize,
    owed_max: AtomicUsize,
    on_the_way: AtomicUsize,
}

/// What a stanza weighs, for as long as it is on its way.
#[derive(Debug)]
pub struct Weight {
    pressure: Arc<Pressure>,
    bytes: usize,
}

impl Drop for Weight {
    fn drop(&mut self) {
        self.pressure.on_the_way.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Default for Pressure {
    fn default() -> Self {
        Self {
            level: AtomicU8::new(0),
            owed: AtomicUsize::new(0),
            owed_max: AtomicUsize::new(usize::MAX),
            on_the_way: AtomicUsize::new(0),
        }
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

    /// So many bytes are on their way, until what is given is dropped.
    #[must_use]
    pub fn weigh(self: &Arc<Self>, bytes: usize) -> Weight {
        self.on_the_way.fetch_add(bytes, Ordering::Relaxed);
        Weight { pressure: Arc::clone(self), bytes }
    }

    /// Bytes that are owed or on their way.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.owed().saturating_add(self.on_the_way.load(Ordering::Relaxed))
    }

    /// Whether no more may set out.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.waiting() > self.owed_max.load(Ordering::Relaxed)
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
    use std::sync::Arc;

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

    #[test]
    fn f23_what_is_on_its_way_weighs_until_it_is_there() {
        let pressure = Arc::new(Pressure::default());
        pressure.set_owed_max(1_000);
        pressure.add_owed(600);
        let weight = pressure.weigh(500);
        assert_eq!((pressure.is_full(), pressure.is_short(), pressure.waiting()), (true, false, 1_100));
        drop(weight);
        assert_eq!((pressure.is_full(), pressure.waiting()), (false, 600));
    }
}
