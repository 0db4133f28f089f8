//! A runtime of one thread that tells when nothing is left to do in it.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};

use tokio::runtime::{Builder, Runtime};

/// Whether the runtime's thread has found nothing to run, and who waits for that.
#[derive(Default)]
pub(crate) struct Idle {
    is_idle: AtomicBool,
    waiter: Mutex<Option<Waker>>,
}

impl Idle {
    pub(crate) fn runtime() -> (Runtime, Arc<Self>) {
        let idle = Arc::new(Self::default());
        let told = Arc::clone(&idle);
        let parked = move || {
            told.is_idle.store(true, Ordering::Relaxed);
            if let Some(waiter) = told.waiter.lock().expect("nothing panics with it").take() {
                waiter.wake();
            }
        };
        let runtime = Builder::new_current_thread().enable_time().on_thread_park(parked).build().expect("a runtime");
        (runtime, idle)
    }

    /// Runs every task as far as it comes.
    pub(crate) fn wait(&self, runtime: &Runtime) {
        self.is_idle.store(false, Ordering::Relaxed);
        runtime.block_on(poll_fn(|context| {
            if self.is_idle.load(Ordering::Relaxed) {
                return Poll::Ready(());
            }
            *self.waiter.lock().expect("nothing panics with it") = Some(context.waker().clone());
            Poll::Pending
        }));
    }
}
