//! What any thread may ask: where the phone stands, who it is, and what time the server has.

use std::sync::{Arc, Mutex, PoisonError};

use longwire_client::State;
use longwire_client::account::Record;
use longwire_client::clock::ServerClock;
use longwire_driver::Status;

use crate::log::Log;
use crate::{Platform, PushState};

struct Facts {
    state: PushState,
    device: Option<String>,
    user: Option<String>,
    clock: ServerClock,
}

/// Facts for whoever asks; changes of the state are told to the platform.
pub(crate) struct Shared {
    facts: Mutex<Facts>,
    platform: Arc<dyn Platform>,
}

impl Shared {
    /// A phone that is not started.
    pub(crate) fn new(record: Record, boot_id: &str, now_ms: u64, platform: Arc<dyn Platform>) -> Self {
        let clock = ServerClock::restore(record.anchor.as_ref(), record.known_ms, boot_id, now_ms);
        let facts = Facts { state: PushState::Idle, device: record.device, user: record.user, clock };
        Self { facts: Mutex::new(facts), platform }
    }

    pub(crate) fn state(&self) -> PushState {
        self.with(|facts| facts.state.clone())
    }

    pub(crate) fn device(&self) -> Option<String> {
        self.with(|facts| facts.device.clone())
    }

    pub(crate) fn user(&self) -> Option<String> {
        self.with(|facts| facts.user.clone())
    }

    pub(crate) fn server_time_ms(&self, now_ms: u64) -> u64 {
        self.with(|facts| facts.clock.at(now_ms))
    }

    pub(crate) fn set_server_time(&self, server_ms: u64, now_ms: u64) {
        if server_ms > 0 {
            self.with(|facts| facts.clock.set(server_ms, now_ms));
        }
    }

    /// The machine's state is another one, or its heartbeat is.
    pub(crate) fn enter(&self, status: Status<'_>) -> PushState {
        if let State::Online(online) = status.state {
            self.with(|facts| {
                (facts.device, facts.user) = (Some(online.device.clone()), online.user.clone());
            });
        }
        self.set(PushState::of(status))
    }

    /// Takes a state, and tells it.
    pub(crate) fn set(&self, state: PushState) -> PushState {
        let is_new = self.with(|facts| std::mem::replace(&mut facts.state, state.clone()) != state);
        if is_new && let Err(error) = self.platform.state_changed(state.clone()) {
            Log(Arc::clone(&self.platform)).warn(&format!("the state was not told: {error}"));
        }
        state
    }

    fn with<T>(&self, look: impl FnOnce(&mut Facts) -> T) -> T {
        look(&mut self.facts.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
