//! Who waits for the server's answer.

use std::collections::BTreeMap;

use longwire_client::{Refusal, Reply};
use tokio::sync::oneshot;

use crate::{PushError, PushState};

/// How long an answer is waited for, with the session that it needs.
const PATIENCE_MS: u64 = 30_000;

type Waiter = oneshot::Sender<Result<Reply, PushError>>;

/// Those who wait, by the number of their request.
#[derive(Debug, Default)]
pub(super) struct Requests {
    waiting: BTreeMap<u64, (u64, Waiter)>,
    last: u64,
}

impl Requests {
    pub(super) fn add(&mut self, waiter: Waiter, now_ms: u64) -> u64 {
        self.last += 1;
        self.waiting.insert(self.last, (now_ms.saturating_add(PATIENCE_MS), waiter));
        self.last
    }

    pub(super) fn answered(&mut self, number: u64, answer: Result<Reply, Refusal>) {
        let Some((_, waiter)) = self.waiting.remove(&number) else { return };
        let answer = answer.map_err(|refusal| PushError::Refused {
            text: refusal.text.unwrap_or_else(|| "the server gives no reason".to_owned()),
            condition: refusal.condition,
        });
        drop(waiter.send(answer)); // nobody may wait any more
    }

    pub(super) fn due_ms(&self) -> Option<u64> {
        self.waiting.first_key_value().map(|(_, (due_ms, _))| *due_ms)
    }

    /// The numbers of those who waited long enough.
    pub(super) fn give_up(&mut self, now_ms: u64, state: &PushState) -> Vec<u64> {
        let is_over = |_: &u64, (due_ms, _): &mut (u64, Waiter)| *due_ms <= now_ms;
        let over: Vec<_> = self.waiting.extract_if(.., is_over).collect();
        let answer = |(number, (_, waiter)): (u64, (u64, Waiter))| {
            drop(waiter.send(Err(PushError::Offline { text: why(state) })));
            number
        };
        over.into_iter().map(answer).collect()
    }
}

fn why(state: &PushState) -> String {
    match state {
        PushState::Online { .. } => "the server did not answer in time".to_owned(),
        PushState::Waiting { text, .. } | PushState::Blocked { text, .. } => format!("no session in time: {text}"),
        PushState::Idle | PushState::Connecting | PushState::Registering | PushState::LoggingIn => {
            "no session in time".to_owned()
        }
    }
}
