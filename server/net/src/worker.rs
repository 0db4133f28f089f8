//! One worker: a thread that owns connections and a shard of sessions, and waits for nothing but its poll.

mod input;
mod outputs;
mod questions;
mod session;

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::io::{self, ErrorKind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll as Polled, Waker as TaskWaker};
use std::time::Duration;

use longwire_c2s::{Outbox, Stream};
use longwire_core::Core;
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_router::{Now, Output, SessionKey, Shard};
use mio::{Events, Interest, Poll, Token, Waker};
use rustls::ServerConfig;
use slab::Slab;
use tokio::runtime::Handle;

use crate::caps::{Admission, Caps};
use crate::connection::{Connection, Flags};
use crate::inbox::{Accepted, Command, Done, Inbox, Place};
use crate::transport::Transport;
use crate::wheel::Wheel;

/// Bytes read at once, into a buffer that all connections of a worker share.
const READ_BYTES: usize = 64 * 1024;
/// Milliseconds after which a socket that takes nothing is closed (DESIGN rule 8).
const BLOCKED_MS: u64 = 30_000;
/// Milliseconds that a client has to close its half after we have closed ours.
const LINGER_MS: u64 = 2_000;
/// Bytes that a connection may owe its client: a window of entries (256 KiB) and as much again of stanzas; above it, it is closed.
const UNSENT_BYTES_MAX: usize = 512 * 1024;
/// Milliseconds between two counts of what is unacknowledged.
const COUNT_EVERY_MS: u64 = 2_000;
const WAKE: Token = Token(usize::MAX);

/// What all workers share.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) core: Arc<Core>,
    pub(crate) runtime: Handle,
    pub(crate) streams: Arc<longwire_c2s::Config>,
    pub(crate) caps: Arc<Caps>,
    /// For `<starttls/>`, and for direct TLS with its ALPN.
    pub(crate) starttls: Arc<ServerConfig>,
    pub(crate) direct_tls: Arc<ServerConfig>,
    /// Seconds over which clients are asked to spread their return after a shutdown.
    pub(crate) drain_spread_s: u32,
}

/// A worker.
pub(crate) struct Worker {
    index: usize,
    common: Common,
    inbox: Arc<Inbox>,
    poll: Poll,
    connections: Slab<Connection>,
    sessions: HashMap<SessionKey, usize>,
    shard: Shard,
    wheel: Wheel,
    now: Now,
    next_number: u64,
    buffer: Vec<u8>,
    out: Outbox,
    outputs: Vec<Output>,
    done: VecDeque<(Place, Done)>,
    /// Connections with bytes to write, and those whose deadline may have moved.
    dirty: Vec<usize>,
    touched: Vec<usize>,
    /// Connections whose input goes on although no event will say so.
    ready: Vec<usize>,
    drain_until_ms: Option<u64>,
    /// What the gauge was last told, and when: it looks at every session.
    unacknowledged: i64,
    counted_ms: u64,
    /// What an operator sees in the log of an attack: how often so far.
    login_failures: u64,
    violations: u64,
}

impl Worker {
    /// A worker with an empty shard that has seen the log up to its end.
    pub(crate) fn new(index: usize, common: Common) -> io::Result<(Self, Arc<Inbox>)> {
        let poll = Poll::new()?;
        let log = &common.core.log;
        let watermark = log.last();
        let inbox = Inbox::new(Waker::new(poll.registry(), WAKE)?, watermark);
        let now = common.core.env.instant();
        let worker = Self {
            index,
            inbox: Arc::clone(&inbox),
            poll,
            connections: Slab::new(),
            sessions: HashMap::new(),
            shard: Shard::new(log.app(), log.generation(), watermark),
            wheel: Wheel::new(now.mono_ms),
            now,
            next_number: 0,
            buffer: vec![0; READ_BYTES],
            out: Outbox::default(),
            outputs: Vec::new(),
            done: VecDeque::new(),
            dirty: Vec::new(),
            touched: Vec::new(),
            ready: Vec::new(),
            drain_until_ms: None,
            unacknowledged: 0,
            counted_ms: now.mono_ms,
            login_failures: 0,
            violations: 0,
            common,
        };
        Ok((worker, inbox))
    }

    /// Serves until it is drained.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut commands = VecDeque::new();
        while !self.is_drained() {
            let wait_ms = if self.ready.is_empty() { self.wheel.wait_ms(self.now.mono_ms) } else { 0 };
            if let Err(error) = self.poll.poll(&mut events, Some(Duration::from_millis(wait_ms)))
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(worker = self.index, %error, "failed to wait for events");
            }
            self.now = self.common.core.env.instant();
            for slot in std::mem::take(&mut self.ready) {
                self.go_on(slot);
                self.settle();
            }
            for event in &events {
                if event.token() == WAKE {
                    continue;
                }
                self.handle_event(event.token().0, event.is_writable(), event.is_read_closed());
                self.settle();
            }
            self.inbox.take(&mut commands);
            for command in commands.drain(..) {
                self.handle_command(command);
                self.settle();
            }
            self.expire();
            self.flush();
            self.reschedule();
            self.count();
        }
    }

    /// Brings the metrics up to this turn.
    fn count(&mut self) {
        let metrics = &self.common.core.metrics;
        for after_ms in self.shard.take_stats().acknowledged_ms {
            metrics.acknowledged.inc();
            metrics.delivery_seconds.observe(seconds(after_ms));
        }
        if self.now.mono_ms >= self.counted_ms.saturating_add(COUNT_EVERY_MS) {
            self.counted_ms = self.now.mono_ms;
            let waiting = i64::try_from(self.shard.unacknowledged()).unwrap_or(i64::MAX);
            let before = std::mem::replace(&mut self.unacknowledged, waiting);
            metrics.unacknowledged.inc_by(waiting.saturating_sub(before));
        }
    }

    fn is_drained(&self) -> bool {
        let Some(until_ms) = self.drain_until_ms else { return false };
        self.connections.is_empty() || self.now.mono_ms >= until_ms
    }

    fn handle_event(&mut self, slot: usize, is_writable: bool, is_read_closed: bool) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if is_writable && connection.blocked_since_ms.is_some() {
            self.mark_dirty(slot);
        }
        self.handle_readable(slot, is_read_closed);
    }

    fn handle_command(&mut self, command: Command) {
        match command {
            Command::Accept(accepted) => self.accept(accepted),
            Command::Done(place, done) => self.done.push_back((place, done)),
            Command::Page { session, lane, upto, result } => match result {
                Ok(page) => self.shard.page(session, lane, &page, upto, self.now, &mut self.outputs),
                Err(error) => {
                    tracing::warn!(session = session.0, %error, "a session's part of the log was not read");
                    self.shard.page_failed(session, &mut self.outputs);
                }
            },
            Command::Core(command) => self.handle_core(command),
            Command::Drain { until_ms } => self.drain(until_ms),
        }
    }

    /// Carries out what the last event led to, until nothing is left of it.
    fn settle(&mut self) {
        loop {
            if !self.outputs.is_empty() {
                self.carry_out();
            } else if let Some((place, done)) = self.done.pop_front() {
                self.handle_done(place, done);
            } else {
                return;
            }
        }
    }

    fn accept(&mut self, accepted: Accepted) {
        let Accepted { mut socket, source, is_direct_tls, admission } = accepted;
        let slot = self.connections.vacant_key();
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut socket, Token(slot), interest) {
            tracing::warn!(worker = self.index, %error, "a connection cannot be served");
            self.common.caps.leave(source);
            return;
        }
        self.next_number += 1;
        let seed = self.common.core.env.random();
        let stream = Stream::new(Arc::clone(&self.common.streams), seed, self.now.mono_ms);
        self.connections.insert(Connection {
            number: self.next_number,
            transport: Transport::new(socket),
            stream,
            source,
            held: Vec::new(),
            session: None,
            timer: None,
            blocked_since_ms: None,
            linger_until_ms: None,
            flags: Flags { is_counted: true, is_refused: admission == Admission::Told, ..Flags::default() },
        });
        self.common.core.metrics.connections.inc();
        if self.drain_until_ms.is_some() {
            self.shut_down(slot);
        } else if is_direct_tls {
            self.start_tls(slot, true);
        } else {
            self.refuse_if_told(slot);
        }
        self.handle_readable(slot, false);
        self.touched.push(slot);
    }

    /// Begins a TLS handshake.
    fn start_tls(&mut self, slot: usize, is_direct: bool) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let config = if is_direct { &self.common.direct_tls } else { &self.common.starttls };
        let started = connection.transport.flush().and_then(|_| connection.transport.start_tls(config));
        if started.is_err() {
            self.remove(slot);
        }
    }

    /// Tells a connection that its address has too many before login.
    fn refuse_if_told(&mut self, slot: usize) {
        let told = self.connections.get(slot).filter(|connection| connection.flags.is_refused);
        if let Some(source) = told.map(|connection| connection.source) {
            let after_s = self.common.caps.wait_to_enter(source, self.now.mono_ms);
            let error = StreamError::new(StreamCondition::ResourceConstraint);
            let error = error.with_text("too many connections before login").with_retry(after_s);
            self.close(slot, &error);
        }
    }

    /// Ends a stream with an error.
    fn close(&mut self, slot: usize, error: &StreamError) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.stream.close(error, &mut self.out);
        self.drain_outbox(slot);
    }

    /// Nothing more is read or written; the connection goes once its client has what it is owed, or has had its time.
    fn begin_closing(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.held = Vec::new();
        connection.linger_until_ms = Some(self.now.mono_ms.saturating_add(LINGER_MS));
        self.touched.push(slot);
        self.mark_dirty(slot);
        self.end_session(slot);
    }

    /// Forgets a connection.
    fn remove(&mut self, slot: usize) {
        self.end_session(slot);
        let Some(mut connection) = self.connections.try_remove(slot) else { return };
        if connection.flags.is_counted {
            self.common.caps.leave(connection.source);
        }
        // Dropping the socket takes it out of the poll too; an error means that it is out already.
        drop(self.poll.registry().deregister(&mut connection.transport.socket));
        self.common.core.metrics.connections.dec();
    }

    fn mark_dirty(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.flags.is_dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    /// Queues bytes for a connection; one that owes too much is closed.
    fn write(&mut self, slot: usize, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if bytes.is_empty() || connection.flags.is_finished {
            return;
        }
        connection.transport.queue(bytes);
        if connection.transport.unsent_bytes() > UNSENT_BYTES_MAX {
            tracing::debug!(worker = self.index, "a client that reads too slowly was closed");
            self.remove(slot);
        } else {
            self.mark_dirty(slot);
        }
    }

    /// Writes what was queued since the last time.
    fn flush(&mut self) {
        while let Some(slot) = self.dirty.pop() {
            self.flush_one(slot);
            self.settle();
        }
    }

    fn flush_one(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.flags.is_dirty = false;
        let Ok(progress) = connection.transport.flush() else { return self.remove(slot) };
        if connection.transport.is_drained() {
            connection.blocked_since_ms = None;
            if connection.linger_until_ms.is_some() && !connection.flags.is_finished {
                connection.flags.is_finished = true;
                if connection.transport.finish().is_err() {
                    return self.remove(slot);
                }
            }
            if connection.flags.may_read || !connection.held.is_empty() {
                self.ready.push(slot);
            }
        } else if progress || connection.blocked_since_ms.is_none() {
            connection.blocked_since_ms = Some(self.now.mono_ms);
            self.touched.push(slot);
        }
    }

    fn drain(&mut self, until_ms: u64) {
        self.drain_until_ms = Some(until_ms);
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.shut_down(slot);
            self.settle();
        }
    }

    fn shut_down(&mut self, slot: usize) {
        let spread = self.common.drain_spread_s.max(1);
        let after_s = u32::from_be_bytes(self.common.core.env.random()) % spread + 1;
        self.close(slot, &StreamError::new(StreamCondition::SystemShutdown).with_retry(after_s));
    }

    /// Begins work that may take a store's time: carried out at once when it can be, else on the runtime.
    fn start(&mut self, place: Place, work: impl Future<Output = Done> + Send + 'static) {
        let _guard = self.common.runtime.enter();
        let mut work = Box::pin(work);
        let mut context = Context::from_waker(TaskWaker::noop());
        if let Polled::Ready(done) = pin!(work.as_mut()).poll(&mut context) {
            self.done.push_back((place, done));
            return;
        }
        let inbox = Arc::clone(&self.inbox);
        drop(self.common.runtime.spawn(async move { inbox.push(Command::Done(place, work.await)) }));
    }

    fn place(&self, slot: usize) -> Option<Place> {
        self.connections.get(slot).map(|connection| Place { slot, number: connection.number })
    }

    /// The slot of a place, if its connection is still there.
    fn slot(&self, place: Place) -> Option<usize> {
        let connection = self.connections.get(place.slot)?;
        (connection.number == place.number).then_some(place.slot)
    }
}

/// Milliseconds as seconds; what is above fifty days counts as that.
fn seconds(ms: u64) -> f64 {
    f64::from(u32::try_from(ms).unwrap_or(u32::MAX)) / 1_000.0
}

/// Also when a worker panics: its connections are closed, nobody waits for it, and the others go on.
impl Drop for Worker {
    fn drop(&mut self) {
        self.inbox.close();
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.remove(slot);
        }
        if std::thread::panicking() {
            tracing::error!(worker = self.index, "a worker has panicked; its connections are closed");
        }
    }
}
