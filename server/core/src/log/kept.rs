//! What is kept for a later group: more may be put beside it without waking the writer.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Request;

/// Kept writes that are not kept longer: what ten thousand devices acknowledge at once shares its pages and syncs in groups of so many,
/// and a request that comes behind such a group waits some ten milliseconds for it.
pub(super) const KEPT_WRITES_MAX: usize = 1_024;

/// Requests that nobody waits for.
#[derive(Default)]
pub(super) struct Kept {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    requests: Vec<Request>,
    writes: usize,
    /// The writer has a timer for what is here, and nothing is on its way to it that would have to go before.
    is_open: bool,
}

impl Kept {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is whole at once: so is what a panicking thread left.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a request beside what is kept, where that is open; else it goes by `send`, which must not block.
    ///
    /// # Errors
    /// Those of `send`.
    pub(super) fn put<E>(&self, request: Request, send: impl FnOnce(Request) -> Result<(), E>) -> Result<(), E> {
        let mut inner = self.lock();
        if inner.is_open && inner.writes < KEPT_WRITES_MAX {
            inner.add(request);
            return Ok(());
        }
        // Under the lock: what is put here behind it finds it on its way, or kept.
        send(request)
    }

    /// Keeps what has come by `send`; from then on others are put beside it, if `is_last` says that nothing more is on its way.
    pub(super) fn keep(&self, requests: Vec<Request>, is_last: impl FnOnce() -> bool) {
        let mut inner = self.lock();
        requests.into_iter().for_each(|request| inner.add(request));
        inner.is_open = is_last();
    }

    /// Takes everything out.
    pub(super) fn take(&self) -> Vec<Request> {
        std::mem::take(&mut *self.lock()).requests
    }

    /// How many writes are kept.
    pub(super) fn writes(&self) -> usize {
        self.lock().writes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lock().requests.is_empty()
    }

    /// Whether notifications may go before all of it.
    pub(super) fn may_be_passed(&self) -> bool {
        self.lock().requests.iter().all(Request::may_be_passed)
    }
}

impl Inner {
    fn add(&mut self, request: Request) {
        self.writes += request.writes.len();
        self.requests.push(request);
    }
}
