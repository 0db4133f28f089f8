//! Waiting for a condition with a deadline: the only place that lets time pass.

use std::time::{Duration, Instant};

use anyhow::bail;

/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// The clock of the tests.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "the tests of real processes are the rim")]
pub fn now() -> Instant {
    Instant::now()
}

/// Waits until `look` gives something, at most `patience`; `what` completes "waited in vain for …".
///
/// # Errors
/// The time is over.
pub fn until<T>(what: &str, patience: Duration, mut look: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let deadline = now() + patience;
    loop {
        if let Some(found) = look() {
            return Ok(found);
        }
        if now() >= deadline {
            bail!("waited {} s in vain for {what}", patience.as_secs());
        }
        // Woken by nobody: a pause that ends by itself.
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Lets `pause` pass where the passing itself is the point (a burst that is to be spread, say).
pub fn pause(pause: Duration) {
    let deadline = now() + pause;
    while let Some(left) = deadline.checked_duration_since(now()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_that_never_holds_is_an_error_that_names_it() {
        let result = until("a pig that flies", Duration::from_millis(30), || None::<()>);
        assert!(result.expect_err("nothing flew").to_string().contains("a pig that flies"));
    }

    #[test]
    fn a_condition_is_looked_at_again() {
        let mut looks = 0;
        let found = until("the third look", Duration::from_secs(5), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found.expect("three looks fit"), 3);
    }
}
