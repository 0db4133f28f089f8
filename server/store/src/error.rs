//! How a store can fail.

/// Why a store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No space, or somebody else holds a lock: nothing was changed, and the same call may succeed later.
    #[error("the store cannot write for now: {0}")]
    Unavailable(String),
    /// The disk did not keep what it was told to, or the store is damaged: this handle must not be used any more. What
    /// was asked for may be there or not when the store is opened anew.
    #[error("the store failed and is not used any more: {0}")]
    Fatal(String),
}

impl StoreError {
    /// Whether the same call may succeed later.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}
