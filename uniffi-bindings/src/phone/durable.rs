//! Who waits until what was said is on disk.

use longwire_driver::Standing;
use tokio::sync::oneshot;

use crate::PushError;

type Waiter = oneshot::Sender<Result<(), PushError>>;

/// Those who wait, each with the number of the step that holds what was said.
#[derive(Debug, Default)]
pub(super) struct Durable {
    /// What they said is with the machine, or on its way there.
    fresh: Vec<Waiter>,
    waiting: Vec<(u64, Waiter)>,
    /// Steps that were done, and whether one was under way, when nothing more followed the last time.
    done: u64,
    failed: u64,
    was_storing: bool,
}

impl Durable {
    pub(super) fn add(&mut self, waiter: Waiter) {
        self.fresh.push(waiter);
    }

    /// Nothing more follows: answers those whose step is done. What was said goes into the step that began with it, or into the next one
    /// when one was under way already.
    pub(super) fn settled(&mut self, standing: &Standing<'_>) {
        let (done, failed) = standing.steps;
        let has_failed = failed > self.failed;
        let step = self.done + if self.was_storing { 2 } else { 1 };
        self.waiting.extend(self.fresh.drain(..).map(|waiter| (step, waiter)));
        for (step, waiter) in std::mem::take(&mut self.waiting) {
            if done >= step {
                drop(waiter.send(Ok(())));
            } else if has_failed || !standing.is_storing {
                // It is said again to the store when that answers again, but nobody knows when.
                let text = "the phone's database failed; it is tried again".to_owned();
                drop(waiter.send(Err(PushError::Storage { text })));
            } else {
                self.waiting.push((step, waiter));
            }
        }
        (self.done, self.failed, self.was_storing) = (done, failed, standing.is_storing);
    }
}
