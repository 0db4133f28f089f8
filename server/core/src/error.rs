//! The ways in which the core itself fails; refusals have errors of their own.

use longwire_store::StoreError;

/// The core could not do it; nothing was accepted.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CoreError {
    /// The store cannot write for now, or too much is waiting: try again later.
    #[error("cannot be done for now: {0}")]
    Unavailable(String),
    /// The store failed for good; the process should end.
    #[error("{0}")]
    Fatal(String),
}

impl CoreError {
    /// Seconds after which another attempt is welcome.
    pub const RETRY_AFTER_S: u32 = 5;

    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl From<StoreError> for CoreError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(why) => Self::Unavailable(why),
            StoreError::Fatal(why) => Self::Fatal(why),
        }
    }
}
