//! Sends at given instants from a thread of its own: the runtime's timers have a millisecond, which would be most of a latency.

use std::num::NonZeroU64;
use std::time::Duration;

use anyhow::Context;
use longwire_test_support::wait::now;

use super::arrivals::Schedule;

/// Between the order and the first send.
const LEAD: Duration = Duration::from_millis(20);

/// How much is sent, and how fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    pub(crate) per_second: u32,
    pub(crate) count: u64,
}

impl Pace {
    /// From now on.
    pub(crate) fn schedule(self) -> Schedule {
        Schedule { began: now() + LEAD, period: Duration::from_secs(1) / self.per_second.max(1) }
    }
}

/// Calls `send` with each index at its instant; one that is late is sent at once, and its lateness counts. Gives back what it sends with.
///
/// # Errors
/// A send failed.
pub(crate) async fn pace<T: Send + 'static>(
    pace: Pace,
    schedule: Schedule,
    mut with: T,
    mut send: impl FnMut(&mut T, u64) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<T> {
    let run = move || {
        // Woken at the instant, not within 50 µs of it.
        rustix::thread::set_current_timer_slack(NonZeroU64::new(1)).context("failed to ask for exact timers")?;
        for index in 0..pace.count {
            std::thread::sleep(schedule.at(index).saturating_duration_since(now()));
            send(&mut with, index)?;
        }
        Ok(with)
    };
    tokio::task::spawn_blocking(run).await.context("the pacer panicked")?
}
