//! What other threads ask of a worker: a bounded queue that wakes its poll.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use longwire_core::session_manager;
use longwire_model::Seq;
use longwire_worker::Command as Told;
use mio::Waker;
use mio::net::TcpStream;

use longwire_worker::caps::{Admission, Source};

/// Batches, stanzas and ends that may wait in a worker's inbox. Above it they are dropped: after a dropped batch the worker ends its
/// sessions, which log in again and read the log. What is bounded otherwise (a connection waits for at most one answer) is
/// always taken.
const COMMANDS_MAX: usize = 65_536;

/// What a worker's thread is asked to do.
pub(crate) enum Command {
    /// Serve a connection.
    Accept(Accepted),
    /// What the worker itself is told.
    Worker(Told),
}

/// An accepted connection.
pub(crate) struct Accepted {
    pub(crate) socket: TcpStream,
    pub(crate) source: Source,
    pub(crate) is_direct_tls: bool,
    pub(crate) admission: Admission,
    pub(crate) waiting: Waiting,
}

/// Counts a connection until its worker counts it.
pub(crate) struct Waiting(Arc<AtomicI64>);

impl Waiting {
    pub(crate) fn new(count: &Arc<AtomicI64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The inbox and the watermark of a worker; what others see of it.
pub(crate) struct Inbox {
    queue: Mutex<Queue>,
    waker: Waker,
    watermark: AtomicU64,
    /// Something was queued for which nobody has woken the worker yet.
    has_unwoken: AtomicBool,
}

#[derive(Default)]
struct Queue {
    commands: VecDeque<Command>,
    /// The worker does not sleep, or was woken: it will look.
    is_awake: bool,
    is_closed: bool,
}

impl Inbox {
    pub(crate) fn new(waker: Waker, watermark: Seq) -> Arc<Self> {
        Arc::new(Self {
            queue: Mutex::default(),
            waker,
            watermark: AtomicU64::new(watermark),
            has_unwoken: AtomicBool::new(false),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Every change is one push or take: what a panicking thread left is whole.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a command and wakes the worker if it is not awake already.
    pub(crate) fn push(&self, command: Command) {
        self.wake_from(self.put(command));
    }

    /// Queues a command, if there is room for it.
    fn put(&self, command: Command) -> MutexGuard<'_, Queue> {
        let mut queue = self.lock();
        if queue.is_closed {
            return queue;
        }
        if queue.commands.len() >= COMMANDS_MAX && matches!(command, Command::Worker(Told::Core(_))) {
            tracing::warn!(waiting = COMMANDS_MAX, "a worker is too far behind: a command was dropped");
            return queue;
        }
        queue.commands.push_back(command);
        queue
    }

    fn wake_from(&self, mut queue: MutexGuard<'_, Queue>) {
        let wakes = !queue.commands.is_empty() && !std::mem::replace(&mut queue.is_awake, true);
        drop(queue);
        if wakes && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "failed to wake a worker");
        }
    }

    /// Takes everything out; what comes from now on is seen before the worker sleeps.
    pub(crate) fn take(&self, into: &mut VecDeque<Command>) {
        let mut queue = self.lock();
        queue.is_awake = true;
        std::mem::swap(&mut queue.commands, into);
    }

    /// Whether the worker may sleep: nothing waits for it, and the next push wakes it.
    pub(crate) fn may_sleep(&self) -> bool {
        let mut queue = self.lock();
        queue.is_awake = !queue.commands.is_empty();
        !queue.is_awake
    }

    /// Takes nothing more, and forgets what is there: whoever waits for an answer is told by its channel.
    pub(crate) fn close(&self) {
        let mut queue = self.lock();
        queue.is_closed = true;
        queue.commands = VecDeque::new();
    }

    /// Whether its worker has ended.
    pub(crate) fn is_closed(&self) -> bool {
        self.lock().is_closed
    }

    pub(crate) fn set_watermark(&self, watermark: Seq) {
        self.watermark.store(watermark, Ordering::Release);
    }
}

impl session_manager::Worker for Inbox {
    fn send(&self, command: session_manager::Command) {
        self.push(Command::Worker(Told::Core(command)));
    }

    fn send_some(&self, command: session_manager::Command) {
        drop(self.put(Command::Worker(Told::Core(command))));
        self.has_unwoken.store(true, Ordering::Release);
    }

    fn wake(&self) {
        if self.has_unwoken.load(Ordering::Acquire) && self.has_unwoken.swap(false, Ordering::AcqRel) {
            self.wake_from(self.lock());
        }
    }

    fn watermark(&self) -> Seq {
        // A worker that has ended sends nothing: it keeps nobody waiting.
        if self.is_closed() { Seq::MAX } else { self.watermark.load(Ordering::Acquire) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll, Token};

    use super::*;

    #[test]
    fn only_a_worker_that_sleeps_is_woken_and_none_sleeps_over_a_command() {
        let mut poll = Poll::new().expect("a poll");
        let inbox = Inbox::new(Waker::new(poll.registry(), Token(0)).expect("a waker"), 0);
        let mut events = Events::with_capacity(1);
        let mut is_woken = || {
            poll.poll(&mut events, Some(Duration::ZERO)).expect("events");
            !events.is_empty()
        };
        let push = || inbox.push(Command::Worker(Told::Drain { until_ms: 0 }));
        let mut commands = VecDeque::new();
        let mut take = || {
            inbox.take(&mut commands);
            commands.drain(..).count()
        };
        assert!(inbox.may_sleep());
        push();
        push();
        assert!(is_woken() && !is_woken());
        assert_eq!(take(), 2);
        push();
        assert!(!is_woken() && !inbox.may_sleep(), "it looks before it sleeps");
        assert_eq!(take(), 1);
        assert!(inbox.may_sleep());
        push();
        assert!(is_woken());
    }
}
