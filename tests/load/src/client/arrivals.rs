//! What arrived at all devices together: how much, and how long after it was to be sent.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use longwire_test_support::wait::now;
use tokio::sync::Notify;

use crate::histogram::Histogram;

/// How long nothing may arrive before it is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// When the payloads of a phase are to be sent: one each `period` from `began` on, numbered from `first` on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    pub(crate) began: Instant,
    pub(crate) period: Duration,
}

impl Schedule {
    /// When the `index`th is to be sent.
    pub(crate) fn at(&self, index: u64) -> Instant {
        self.began + self.period * u32::try_from(index).unwrap_or(u32::MAX)
    }
}

/// Shared by all devices.
#[derive(Debug, Default)]
pub(crate) struct Arrivals {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    first: u64,
    count: u64,
    schedule: Option<Schedule>,
    latencies: Histogram,
}

impl Arrivals {
    /// Begins a phase: payloads with a smaller number than `first` are of an earlier one, and count no more.
    pub(crate) fn begin(&self, first: u64, schedule: Option<Schedule>) {
        *self.lock() = State { first, schedule, ..State::default() };
    }

    /// Notes payloads that were read just now.
    pub(crate) fn note(&self, numbers: &[u64]) {
        let at = now();
        let mut state = self.lock();
        for number in numbers {
            let Some(index) = number.checked_sub(state.first) else { continue };
            state.count += 1;
            if let Some(schedule) = state.schedule {
                state.latencies.record(at.saturating_duration_since(schedule.at(index)));
            }
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// How many arrived in this phase.
    pub(crate) fn count(&self) -> u64 {
        self.lock().count
    }

    /// Waits until `goal` payloads arrived in this phase.
    ///
    /// # Errors
    /// Nothing arrives any more.
    pub(crate) async fn reach(&self, goal: u64) -> anyhow::Result<()> {
        loop {
            let changed = self.changed.notified();
            let count = self.count();
            if count >= goal {
                return Ok(());
            }
            let waited = tokio::time::timeout(PATIENCE, changed).await;
            waited.with_context(|| format!("only {count} of {goal} payloads arrived"))?;
        }
    }

    /// The latencies of this phase.
    pub(crate) fn latencies(&self) -> Histogram {
        self.lock().latencies.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_latency_counts_from_when_it_was_to_be_sent() {
        let arrivals = Arrivals::default();
        let period = Duration::from_millis(100);
        let schedule =
            Schedule { began: now().checked_sub(Duration::from_secs(1)).expect("the machine ran before"), period };
        arrivals.begin(50, Some(schedule));
        arrivals.note(&[49, 50, 60]);
        assert_eq!(arrivals.count(), 2, "the first is of an earlier phase");
        let latencies = arrivals.latencies();
        let (least, most) = (latencies.quantile_ms(1).expect("two"), latencies.quantile_ms(1_000).expect("two"));
        assert!(least < 900.0 && most >= 1_000.0, "{least} {most}");
    }
}
