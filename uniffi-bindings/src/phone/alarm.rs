//! The platform's alarm, since timers sleep with the phone; and who is kept awake until what it was for is settled.

use std::sync::Arc;

use longwire_client::{Machine, State};
use tokio::sync::oneshot;

use crate::Platform;
use crate::log::Log;

/// So long at most is the phone kept awake for one alarm.
const AWAKE_MS_MAX: u64 = 60_000;
/// A wait that is over so soon is waited for awake: the platform would let the next alarm come much later.
const SHORT_WAIT_MS: u64 = 10_000;

/// The alarm that is set, and who waits.
pub(super) struct Alarms {
    platform: Arc<dyn Platform>,
    log: Log,
    set_ms: Option<u64>,
    waiting: Vec<(u64, oneshot::Sender<()>)>,
}

impl Alarms {
    pub(super) const fn new(platform: Arc<dyn Platform>, log: Log) -> Self {
        Self { platform, log, set_ms: None, waiting: Vec::new() }
    }

    /// The alarm rang: the platform has none any more.
    pub(super) fn rang(&mut self, waiter: oneshot::Sender<()>, now_ms: u64) {
        self.set_ms = None;
        self.waiting.push((now_ms.saturating_add(AWAKE_MS_MAX), waiter));
    }

    pub(super) fn due_ms(&self) -> Option<u64> {
        self.waiting.first().map(|(due_ms, _)| *due_ms)
    }

    /// Nobody is kept awake for longer.
    pub(super) fn give_up(&mut self, now_ms: u64) {
        for (_, waiter) in self.waiting.extract_if(.., |(due_ms, _)| *due_ms <= now_ms) {
            let _ = waiter.send(()); // nobody may wait any more
        }
    }

    /// Nothing more follows: asks for the alarm at `due_ms`, and lets those go whose alarm is settled.
    pub(super) fn settled(&mut self, due_ms: Option<u64>, machine: &Machine, is_busy: bool, now_ms: u64) {
        // To the second, so that what follows one another quickly moves no alarm.
        self.set(due_ms.map(|due_ms| due_ms.div_ceil(1_000).saturating_mul(1_000)));
        if !is_busy && !machine.is_awaiting() && !is_short_wait(machine.state(), now_ms) {
            for (_, waiter) in self.waiting.drain(..) {
                let _ = waiter.send(()); // nobody may wait any more
            }
        }
    }

    fn set(&mut self, at_ms: Option<u64>) {
        if self.set_ms == at_ms {
            return;
        }
        let asked = match at_ms {
            Some(at_ms) => self.platform.set_alarm(at_ms),
            None => self.platform.cancel_alarm(),
        };
        match asked {
            Ok(()) => self.set_ms = at_ms,
            Err(error) => self.log.warn(&format!("the alarm was not set: {error}")),
        }
    }
}

impl Drop for Alarms {
    fn drop(&mut self) {
        self.set(None);
    }
}

const fn is_short_wait(state: &State, now_ms: u64) -> bool {
    match state {
        State::Waiting { until_ms: Some(until_ms), .. } => until_ms.saturating_sub(now_ms) <= SHORT_WAIT_MS,
        State::Waiting { until_ms: None, .. }
        | State::Idle
        | State::Connecting
        | State::Registering
        | State::LoggingIn
        | State::Online(_)
        | State::Blocked(_) => false,
    }
}
