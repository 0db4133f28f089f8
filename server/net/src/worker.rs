//! A worker's thread: its poll, sockets, timers and inbox around the worker itself, which knows none of them.

use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll as Polled, Waker as TaskWaker};
use std::time::Duration;

use longwire_core::{busy, session_manager};
use longwire_model::Seq;
use longwire_worker::{Accepted, Done, Gone, Host, Place, Settings, Transport as _, Work, Worker};
use mio::event::Event;
use mio::{Events, Interest, Poll, Token, Waker};
use rustls::ServerConfig;
use tokio::runtime::Handle;

use crate::exporter::Exporters;
use crate::handshakes::Handshakes;
use crate::inbox::{self, Command, Inbox};
use crate::transport::Transport;
use crate::wheel::Wheel;
use longwire_worker::caps::{Admission, Caps};

const WAKE: Token = Token(usize::MAX);
/// A connection in its slot: what an idle one costs besides its socket, its TLS session and its stream's state.
const CONNECTION_BYTES_MAX: usize = 136;
const _: () = assert!(Worker::<Rim>::CONNECTION_BYTES <= CONNECTION_BYTES_MAX);

/// What all workers share.
#[derive(Clone)]
pub(crate) struct Common {
    pub(crate) settings: Settings,
    pub(crate) runtime: Handle,
    pub(crate) caps: Arc<Caps>,
    /// For `<starttls/>`, and for direct TLS with its ALPN.
    pub(crate) starttls: Arc<ServerConfig>,
    pub(crate) direct_tls: Arc<ServerConfig>,
    pub(crate) handshakes: Arc<Handshakes>,
}

/// A worker and the poll that it waits for.
pub(crate) struct WorkerThread {
    index: usize,
    inbox: Arc<Inbox>,
    poll: Poll,
    worker: Worker<Rim>,
}

/// What surrounds a worker here: sockets, TLS, a wheel of timers, the caps of addresses, tokio for what waits.
struct Rim {
    common: Common,
    /// Of the configurations for TLS in `common`.
    exporters: Arc<Exporters>,
    inbox: Arc<Inbox>,
    wheel: Wheel,
}

impl WorkerThread {
    /// A worker with an empty shard that has seen the log up to its end.
    pub(crate) fn new(index: usize, mut common: Common) -> io::Result<(Self, Arc<Inbox>)> {
        let exporters = Arc::new(Exporters::default());
        for config in [&mut common.starttls, &mut common.direct_tls] {
            *config = exporters.attach(config);
        }
        let poll = Poll::new()?;
        let core = &common.settings.core;
        let inbox = Inbox::new(Waker::new(poll.registry(), WAKE)?, core.log.last());
        let wheel = Wheel::new(core.env.clock.mono_ms());
        let settings = common.settings.clone();
        let rim = Rim { common, exporters, inbox: Arc::clone(&inbox), wheel };
        let name = Arc::clone(&inbox) as Arc<dyn session_manager::Worker>;
        let worker = Worker::new(index, name, settings, rim);
        Ok((Self { index, inbox: Arc::clone(&inbox), poll, worker }, inbox))
    }

    /// Serves until it is drained.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(1024);
        let mut commands = VecDeque::new();
        let mut due = Vec::new();
        while !self.worker.is_drained() {
            let now_ms = self.worker.now().mono_ms;
            let is_ready = self.worker.is_ready();
            if !is_ready {
                // Before the look at the inbox: who puts something in meanwhile need not wake us.
                busy::give_way(now_ms);
            }
            let may_sleep = !is_ready && self.inbox.may_sleep();
            let wait_ms = if may_sleep { self.worker.host().wheel.wait_ms(now_ms) } else { 0 };
            if let Err(error) = self.poll.poll(&mut events, Some(Duration::from_millis(wait_ms)))
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(worker = self.index, %error, "failed to wait for events");
            }
            let now = self.worker.host().common.settings.core.env.instant();
            self.worker.begin_turn(now);
            for event in events.iter().filter(|event| event.token() != WAKE) {
                if !self.says_nothing(event) {
                    self.worker.handle_event(event.token().0, event.is_writable(), event.is_read_closed());
                }
            }
            self.inbox.take(&mut commands);
            busy::count(events.iter().count().saturating_add(commands.len()));
            for command in commands.drain(..) {
                match command {
                    Command::Accept(accepted) => self.accept(accepted),
                    Command::Worker(command) => self.worker.handle_command(command),
                }
            }
            self.worker.host().wheel.expire(now.mono_ms, &mut due);
            for timer in due.drain(..) {
                self.worker.handle_timer(timer);
            }
            self.worker.end_turn();
        }
    }

    /// Whether an event says no more than that a socket takes bytes while there are none for it: so does the first of each.
    fn says_nothing(&mut self, event: &Event) -> bool {
        let may_read = event.is_readable() || event.is_read_closed() || event.is_error();
        let transport = self.worker.transport(event.token().0).filter(|_| !may_read);
        transport.is_some_and(|transport| !transport.is_tls() && transport.is_drained())
    }

    fn accept(&mut self, accepted: inbox::Accepted) {
        let inbox::Accepted { mut socket, source, is_direct_tls, admission, waiting: _waiting } = accepted;
        let token = Token(self.worker.next_slot());
        let interest = Interest::READABLE | Interest::WRITABLE;
        if let Err(error) = self.poll.registry().register(&mut socket, token, interest) {
            tracing::warn!(worker = self.index, %error, "a connection cannot be served");
            self.worker.host().common.caps.leave(source);
            return;
        }
        let is_refused = admission == Admission::Told;
        self.worker.accept(Accepted { transport: Transport::new(socket, source), is_direct_tls, is_refused });
    }
}

/// Also when a worker panics: its connections are closed, nobody waits for it, and the others go on.
impl Drop for WorkerThread {
    fn drop(&mut self) {
        self.inbox.close();
        self.worker.remove_all();
        if std::thread::panicking() {
            tracing::error!(worker = self.index, "a worker has panicked; its connections are closed");
        }
    }
}

impl Host for Rim {
    type Transport = Transport;

    fn start(&mut self, place: Place, mut work: Work<Done>) -> Option<Done> {
        let _guard = self.common.runtime.enter();
        if let Polled::Ready(done) = work.as_mut().poll(&mut Context::from_waker(TaskWaker::noop())) {
            return Some(done);
        }
        self.spawn(Box::pin(async move { longwire_worker::Command::Done(place, work.await) }));
        None
    }

    fn spawn(&mut self, work: Work<longwire_worker::Command>) {
        let inbox = Arc::clone(&self.inbox);
        drop(self.common.runtime.spawn(async move { inbox.push(Command::Worker(work.await)) }));
    }

    fn set_timer(&mut self, slot: usize, due_ms: u64) -> u32 {
        self.wheel.set(slot, due_ms)
    }

    fn start_tls(&mut self, transport: &mut Transport, is_direct: bool) -> Result<(), Gone> {
        let config = if is_direct { &self.common.direct_tls } else { &self.common.starttls };
        transport.start_tls(config, &self.exporters)
    }

    fn passed(&mut self, watermark: Seq) {
        self.inbox.set_watermark(watermark);
    }

    fn may_log_in(&mut self, transport: &Transport, now_ms: u64) -> Result<(), u32> {
        self.common.caps.log_in(transport.source, now_ms)
    }

    fn may_register(&mut self, transport: &Transport, now_ms: u64) -> Result<(), u32> {
        self.common.caps.register(transport.source, now_ms)
    }

    fn wait_to_enter(&mut self, transport: &Transport, now_ms: u64) -> u32 {
        self.common.caps.wait_to_enter(transport.source, now_ms)
    }

    fn enter_session(&mut self, transport: &Transport) -> bool {
        self.common.caps.enter_session(transport.source)
    }

    fn leave_session(&mut self, transport: &Transport) {
        self.common.caps.leave_session(transport.source);
    }

    fn peer(&self, transport: &Transport) -> Option<IpAddr> {
        Some(transport.peer())
    }

    fn leave(&mut self, transport: &Transport) {
        self.common.caps.leave(transport.source);
    }

    fn remove(&mut self, mut transport: Transport) {
        if let Some(error) = transport.handshake_failure() {
            self.common.handshakes.failed(&self.common.settings.core, transport.peer(), &error);
        }
        // Nobody else has the socket: closing it takes it out of the poll.
        drop(transport);
    }
}
