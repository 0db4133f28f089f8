//! The clock, randomness and threads that the managers use: arguments of the core, given by the daemon.

use std::sync::Arc;

use longwire_model::{EntryId, Timestamp};
use longwire_router::Now;

/// Two clocks.
pub trait Clock: Send + Sync + 'static {
    /// The wall clock.
    fn now(&self) -> Timestamp;
    /// A monotonic clock, milliseconds since some fixed instant.
    fn mono_ms(&self) -> u64;
}

/// A source of unguessable bytes.
pub trait Random: Send + Sync + 'static {
    /// Fills `bytes`.
    fn fill(&self, bytes: &mut [u8]);
}

/// Where what costs a core a millisecond is done: key derivations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeavyWork {
    /// On blocking threads of the runtime.
    OnThreads,
    /// Where it is asked for: nothing depends on the order in which threads come back.
    InPlace,
}

/// Clock and randomness, and where heavy work is done.
#[derive(Clone)]
pub struct Env {
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub random: Arc<dyn Random>,
    /// Where heavy work is done.
    pub heavy: HeavyWork,
}

impl Env {
    /// With heavy work on threads.
    #[must_use]
    pub const fn new(clock: Arc<dyn Clock>, random: Arc<dyn Random>) -> Self {
        Self { clock, random, heavy: HeavyWork::OnThreads }
    }

    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Both clocks.
    #[must_use]
    pub fn instant(&self) -> Now {
        Now { mono_ms: self.clock.mono_ms(), wall: self.clock.now() }
    }

    /// Random bytes.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes);
        bytes
    }

    /// A new entry id of this instant.
    #[must_use]
    pub fn entry_id(&self) -> EntryId {
        EntryId::new(self.now(), self.random())
    }
}
