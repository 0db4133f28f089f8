//! Lines of the log about what goes on without end: one in a while, which says how often it was.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Between two lines in the log.
const LINES_APART: Duration = Duration::from_secs(60);

/// What happened since the last line.
#[derive(Debug, Default)]
pub(crate) struct Lines(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    told_at: Option<Instant>,
    since: u64,
}

impl Lines {
    /// Counts one; gives how many there were when it is time for a line.
    pub(crate) fn count(&self, now: Instant) -> Option<u64> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.since += 1;
        if counted.told_at.is_some_and(|at| now.duration_since(at) < LINES_APART) {
            return None;
        }
        counted.told_at = Some(now);
        Some(std::mem::take(&mut counted.since))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_log_is_told_once_a_minute_how_often_it_was() {
        let lines = Lines::default();
        let start = Instant::now();
        assert_eq!(lines.count(start), Some(1));
        assert_eq!(lines.count(start + LINES_APART / 2), None);
        assert_eq!(lines.count(start + LINES_APART), Some(2));
    }
}
