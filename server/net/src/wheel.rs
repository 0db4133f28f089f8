//! One coarse timer wheel per worker: an entry is eight bytes, setting one costs no allocation once warm.

use longwire_worker::Timer;

/// Milliseconds of one step.
const STEP_MS: u64 = 100;
/// Steps of one turn: 102.4 s. What is due later is looked at once per turn.
const STEPS: usize = 1024;

/// Names of timers by the step in which they are due. A timer is never taken out: its owner checks whether it is still due.
#[derive(Debug)]
pub(crate) struct Wheel {
    slots: Vec<Vec<Timer>>,
    /// Every step before this one was expired.
    next: u64,
}

impl Wheel {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { slots: vec![Vec::new(); STEPS], next: now_ms / STEP_MS }
    }

    /// Sets a timer for `slot`; gives the step in which it comes up, which is not later than `due_ms` when that is more than a turn
    /// away, and not earlier otherwise.
    pub(crate) fn set(&mut self, slot: usize, due_ms: u64) -> u32 {
        let furthest = self.next.saturating_add(STEPS as u64 - 1);
        let step = due_ms.div_ceil(STEP_MS).clamp(self.next, furthest);
        let timer = Timer { slot: u32::try_from(slot).unwrap_or(u32::MAX), stamp: truncate(step) };
        if let Some(timers) = self.slots.get_mut(index(step)) {
            timers.push(timer);
        }
        timer.stamp
    }

    /// Takes out every timer that has come up by `now_ms`.
    pub(crate) fn expire(&mut self, now_ms: u64, due: &mut Vec<Timer>) {
        let last = now_ms / STEP_MS;
        let behind = last.saturating_add(1).saturating_sub(self.next).min(STEPS as u64);
        for step in self.next..self.next.saturating_add(behind) {
            if let Some(timers) = self.slots.get_mut(index(step)) {
                due.append(timers);
            }
        }
        self.next = self.next.max(last.saturating_add(1));
    }

    /// Milliseconds until the next step with a timer, at most a second: for the wait of the poll.
    pub(crate) fn wait_ms(&self, now_ms: u64) -> u64 {
        let steps = (0..10).find(|ahead| {
            self.slots.get(index(self.next.saturating_add(*ahead))).is_some_and(|timers| !timers.is_empty())
        });
        let at_ms = self.next.saturating_add(steps.unwrap_or(10)).saturating_mul(STEP_MS);
        at_ms.saturating_sub(now_ms).clamp(1, 1_000)
    }
}

fn index(step: u64) -> usize {
    usize::try_from(step % STEPS as u64).unwrap_or(0)
}

/// Steps are compared for equality only: 32 bits turn over after thirteen years.
fn truncate(step: u64) -> u32 {
    u32::try_from(step & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::{Timer, Wheel};

    fn expired(wheel: &mut Wheel, now_ms: u64) -> Vec<u32> {
        let mut due: Vec<Timer> = Vec::new();
        wheel.expire(now_ms, &mut due);
        due.into_iter().map(|timer| timer.slot).collect()
    }

    #[test]
    fn timers_come_up_once_and_never_early() {
        let mut wheel = Wheel::new(1_000);
        wheel.set(7, 1_450);
        assert_eq!(wheel.wait_ms(1_000), 500);
        assert_eq!(expired(&mut wheel, 1_499), [0_u32; 0]);
        assert_eq!(expired(&mut wheel, 1_500), [7]);
        assert_eq!(expired(&mut wheel, 500_000), [0_u32; 0]);
    }

    #[test]
    fn what_is_far_away_comes_up_within_a_turn_and_what_is_past_at_once() {
        let mut wheel = Wheel::new(0);
        wheel.set(1, 10_000_000);
        wheel.set(2, 0);
        assert_eq!(expired(&mut wheel, 0), [2]);
        assert_eq!(expired(&mut wheel, 110_000), [1]);
        wheel.set(3, 5);
        assert_eq!(expired(&mut wheel, 110_100), [3]);
    }
}
