//! What the platform is asked to show and to remove, again and again until it takes it.

use std::collections::VecDeque;
use std::sync::Arc;

use longwire_client::HandOver;

use crate::log::Log;
use crate::{Platform, PlatformError};

/// The first pause after a call that failed; it doubles.
const RETRY_MS: u64 = 1_000;
/// The longest pause.
const RETRY_MS_MAX: u64 = 60_000;
/// Calls that wait; what is beyond is handed by the next process.
const OWED_MAX: usize = 1_024;

/// One call to come.
enum Owed {
    HandOver(Box<HandOver>),
    Remove { id: String, attempt: u32 },
}

impl Owed {
    const fn id(&self) -> &String {
        match self {
            Self::HandOver(shown) => &shown.id,
            Self::Remove { id, .. } => id,
        }
    }
}

/// The calls that failed, in order.
pub(super) struct Screen {
    platform: Arc<dyn Platform>,
    log: Log,
    owed: VecDeque<Owed>,
    retry_at_ms: Option<u64>,
    pause_ms: u64,
}

impl Screen {
    pub(super) const fn new(platform: Arc<dyn Platform>, log: Log) -> Self {
        Self { platform, log, owed: VecDeque::new(), retry_at_ms: None, pause_ms: RETRY_MS }
    }

    pub(super) fn hand_over(&mut self, shown: HandOver, now_ms: u64) {
        self.add(Owed::HandOver(Box::new(shown)), now_ms);
    }

    /// What waits to be shown under this id is shown no more.
    pub(super) fn remove(&mut self, id: String, attempt: u32, now_ms: u64) {
        self.owed.retain(|owed| !matches!(owed, Owed::HandOver(shown) if shown.id == id));
        self.add(Owed::Remove { id, attempt }, now_ms);
    }

    pub(super) const fn due_ms(&self) -> Option<u64> {
        self.retry_at_ms
    }

    /// Tries again what is due, of each notification in its order; what expired meanwhile is shown no more.
    pub(super) fn retry(&mut self, now_ms: u64, server_ms: u64) {
        if self.retry_at_ms.take_if(|at_ms| *at_ms <= now_ms).is_none() {
            return;
        }
        let mut owed = std::mem::take(&mut self.owed);
        owed.retain(|owed| !matches!(owed, Owed::HandOver(shown) if shown.expires_ms <= server_ms));
        self.pause_ms = (self.pause_ms * 2).min(RETRY_MS_MAX);
        owed.into_iter().for_each(|owed| self.add(owed, now_ms));
        if self.owed.is_empty() {
            self.pause_ms = RETRY_MS;
        }
    }

    /// Calls at once, unless something of the same notification waits; what fails waits for the next round.
    fn add(&mut self, owed: Owed, now_ms: u64) {
        if !self.owed.iter().any(|waiting| waiting.id() == owed.id()) {
            let Err(error) = self.call(&owed) else { return };
            self.log.warn(&format!("the app was not handed anything, it is tried again: {error}"));
        }
        if self.owed.len() >= OWED_MAX {
            return self.log.warn("the app takes nothing: what comes now is handed by the next process");
        }
        self.owed.push_back(owed);
        self.retry_at_ms.get_or_insert(now_ms.saturating_add(self.pause_ms));
    }

    fn call(&self, owed: &Owed) -> Result<(), PlatformError> {
        match owed {
            Owed::HandOver(shown) => self.platform.hand_over(HandOver::clone(shown).into()),
            Owed::Remove { id, attempt } => self.platform.remove(id.clone(), *attempt),
        }
    }
}
