//! The server's clocks. The wall clock decides what has expired, so it is not believed at once when it jumps: time then runs on from where
//! it was, and the new time counts when it is still told ten minutes later.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use longwire_core::Clock;
use longwire_model::Timestamp;
use rustix::time::{ClockId, clock_gettime};

use crate::system;

/// A jump of more than this is doubted: no operator sets a clock by an hour, and no NTP.
const JUMP_MS: i64 = 3_600_000;
/// So long another time must be told until it is believed.
const DOUBT_MS: i64 = 600_000;

/// The clocks of this machine.
pub(crate) struct SystemClock {
    started: Instant,
    wall: Mutex<Wall>,
}

impl SystemClock {
    pub(crate) fn new(started: Instant) -> Self {
        let wall = Wall { offset_ms: system::now().as_millis() - boot_ms(), doubt: None };
        Self { started, wall: Mutex::new(wall) }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let (told_ms, boot_ms) = (system::now().as_millis(), boot_ms());
        let mut wall = self.wall.lock().unwrap_or_else(PoisonError::into_inner);
        match wall.judge(told_ms - boot_ms, boot_ms) {
            Judgement::Same => {}
            Judgement::Doubted { off_ms } => {
                tracing::error!(off_s = off_ms / 1_000, "the wall clock jumped: it is not believed for ten minutes");
            }
            Judgement::Right => tracing::info!("the wall clock is where it was again"),
            Judgement::Believed { off_ms } => {
                tracing::warn!(off_s = off_ms / 1_000, "the wall clock still tells another time: it is believed now");
            }
        }
        Timestamp::from_millis(wall.offset_ms + boot_ms)
    }

    fn mono_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Milliseconds since the machine started, its sleep included: a clock that nobody sets.
pub(crate) fn boot_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1_000).saturating_add(time.tv_nsec / 1_000_000)
}

/// The wall clock as it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wall {
    /// Wall clock minus boot clock.
    offset_ms: i64,
    /// What is told instead, and since when by the boot clock.
    doubt: Option<(i64, i64)>,
}

/// What a reading means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    Same,
    Doubted { off_ms: i64 },
    Right,
    Believed { off_ms: i64 },
}

impl Wall {
    fn judge(&mut self, told_ms: i64, boot_ms: i64) -> Judgement {
        let off_ms = told_ms.saturating_sub(self.offset_ms);
        if off_ms.abs() <= JUMP_MS {
            self.offset_ms = told_ms;
            return if self.doubt.take().is_some() { Judgement::Right } else { Judgement::Same };
        }
        match self.doubt {
            Some((doubted_ms, _)) if told_ms.saturating_sub(doubted_ms).abs() > JUMP_MS => {}
            Some((_, since_ms)) if boot_ms - since_ms < DOUBT_MS => return Judgement::Same,
            Some(_) => {
                *self = Self { offset_ms: told_ms, doubt: None };
                return Judgement::Believed { off_ms };
            }
            None => {}
        }
        self.doubt = Some((told_ms, boot_ms));
        Judgement::Doubted { off_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WALL: Wall = Wall { offset_ms: 1_000_000, doubt: None };
    const FAR_MS: i64 = 1_000_000 + JUMP_MS + 1;

    #[test]
    fn what_is_set_by_an_hour_counts_at_once() {
        for off_ms in [JUMP_MS, -JUMP_MS, 5] {
            let mut wall = WALL;
            assert_eq!(wall.judge(WALL.offset_ms + off_ms, 0), Judgement::Same);
            assert_eq!(wall.offset_ms, WALL.offset_ms + off_ms);
        }
    }

    #[test]
    fn a_jump_counts_when_it_is_still_told_after_ten_minutes() {
        for far_ms in [FAR_MS, WALL.offset_ms - JUMP_MS - 1] {
            let mut wall = WALL;
            let off_ms = far_ms - WALL.offset_ms;
            assert_eq!(wall.judge(far_ms, 0), Judgement::Doubted { off_ms });
            assert_eq!(wall.judge(far_ms, DOUBT_MS - 1), Judgement::Same);
            assert_eq!(wall.offset_ms, WALL.offset_ms);
            assert_eq!(wall.judge(far_ms, DOUBT_MS), Judgement::Believed { off_ms });
            assert_eq!(wall, Wall { offset_ms: far_ms, doubt: None });
        }
    }

    #[test]
    fn a_clock_that_is_right_again_was_never_wrong() {
        let mut wall = WALL;
        wall.judge(FAR_MS, 0);
        assert_eq!(wall.judge(WALL.offset_ms + 3, DOUBT_MS), Judgement::Right);
        assert_eq!(wall, Wall { offset_ms: WALL.offset_ms + 3, doubt: None });
    }

    #[test]
    fn another_jump_is_doubted_anew() {
        let mut wall = WALL;
        wall.judge(FAR_MS, 0);
        let further_ms = FAR_MS + JUMP_MS + 1;
        assert_eq!(wall.judge(further_ms, DOUBT_MS), Judgement::Doubted { off_ms: further_ms - WALL.offset_ms });
        assert_eq!(wall.offset_ms, WALL.offset_ms);
    }
}
