//! Listening and accepting: one thread, which hands connections to the workers in turn.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, Socket, Type};

use crate::NetError;
use crate::inbox::{Accepted, Command, Inbox, Waiting};
use longwire_core::Core;
use longwire_core::pressure::Level;
use longwire_worker::caps::{Admission, Caps, Source};

/// Connections that the kernel completes before we accept them.
const BACKLOG: i32 = 4096;
/// Milliseconds for which nothing is accepted after the files have run out.
const PAUSE_MS: u64 = 200;
/// Milliseconds for which all must be accepted before that is told.
const SETTLED_MS: u64 = 5_000;
/// How often listeners are looked at although nothing was told of them.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Failures in a row after which accepting pauses: something is wrong that does not pass at once.
const FAILURES_MAX: u32 = 16;
/// Connections that one listener is asked for before it is another's turn: a flood on one holds up neither the other nor the end.
const TURN_MAX: usize = 256;
const WAKE: Token = Token(usize::MAX);

/// A listening socket.
pub(crate) struct Listener {
    pub(crate) socket: TcpListener,
    pub(crate) is_direct_tls: bool,
}

impl Listener {
    /// Listens on `address`; port 0 takes a free one.
    pub(crate) fn bind(address: SocketAddr, is_direct_tls: bool) -> Result<Self, NetError> {
        let socket = listen(address).map_err(|source| NetError::Listen { address, source })?;
        Ok(Self { socket: TcpListener::from_std(socket), is_direct_tls })
    }

    pub(crate) fn address(&self) -> Result<SocketAddr, NetError> {
        self.socket.local_addr().map_err(NetError::Poll)
    }
}

fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // The port is there again at once after a restart.
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    // What is accepted has it from its listener.
    socket.set_tcp_nodelay(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The accepting thread.
pub(crate) struct Acceptor {
    poll: Poll,
    listeners: Vec<Listener>,
    workers: Vec<Arc<Inbox>>,
    caps: Arc<Caps>,
    core: Arc<Core>,
    /// Connections above which the files are left to everything else; none when there is no such limit.
    connections_max: Option<i64>,
    /// Connections that were handed over and not counted by their workers yet.
    waiting: Arc<AtomicI64>,
    stop: Arc<AtomicBool>,
    next_worker: usize,
    /// From when until when nothing could be accepted, as far as is known (monotonic ms).
    short_ms: Option<(u64, u64)>,
}

/// Stops the accepting thread.
pub(crate) struct Stopper {
    stop: Arc<AtomicBool>,
    waker: Waker,
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
        if let Err(error) = self.waker.wake() {
            tracing::error!(%error, "failed to wake the acceptor");
        }
    }
}

impl Acceptor {
    pub(crate) fn new(
        mut listeners: Vec<Listener>,
        workers: Vec<Arc<Inbox>>,
        caps: Arc<Caps>,
        core: Arc<Core>,
        connections_max: Option<i64>,
    ) -> io::Result<(Self, Stopper)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        for (index, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(&mut listener.socket, Token(index), Interest::READABLE)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let stopper = Stopper { stop: Arc::clone(&stop), waker };
        let acceptor = Self {
            poll,
            listeners,
            workers,
            caps,
            core,
            connections_max,
            waiting: Arc::default(),
            stop,
            next_worker: 0,
            short_ms: None,
        };
        Ok((acceptor, stopper))
    }

    /// Accepts until it is stopped; the listeners are closed when it returns.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(16);
        let mut paused_until_ms: Option<u64> = None;
        let mut has_more = false;
        while !self.stop.load(Ordering::Acquire) {
            let now_ms = self.now_ms();
            let wait = match paused_until_ms {
                Some(until_ms) => Duration::from_millis(until_ms.saturating_sub(now_ms).max(1)),
                None if has_more => Duration::ZERO,
                None => LOOK_EVERY,
            };
            if let Err(error) = self.poll.poll(&mut events, Some(wait))
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(%error, "failed to wait for connections");
            }
            // A pause is not cut short by those who wait for its end.
            let now_ms = self.now_ms();
            if paused_until_ms.is_some_and(|until_ms| now_ms < until_ms) {
                continue;
            }
            // Edge-triggered, and after a pause without a new event: every listener is asked until it has nothing more, in turns.
            let turns: Vec<Turn> = (0..self.listeners.len()).map(|index| self.accept_some(index)).collect();
            has_more = turns.contains(&Turn::More);
            let has_room = !turns.contains(&Turn::NoRoom);
            paused_until_ms = (!has_room).then(|| now_ms.saturating_add(PAUSE_MS));
            self.tell(has_room, now_ms);
        }
    }

    fn now_ms(&self) -> u64 {
        self.core.env.clock.mono_ms()
    }

    /// One line when connections begin to wait, one when they no longer do for a while: what has no room must not fill the disk with words
    /// about it.
    fn tell(&mut self, has_room: bool, now_ms: u64) {
        match (has_room, &mut self.short_ms) {
            (true, Some((since_ms, until_ms))) if now_ms >= until_ms.saturating_add(SETTLED_MS) => {
                tracing::info!(after_ms = until_ms.saturating_sub(*since_ms), "connections are accepted again");
                self.short_ms = None;
            }
            (false, Some((_, until_ms))) => *until_ms = now_ms,
            (false, None) => {
                self.short_ms = Some((now_ms, now_ms));
                let connections = self.core.metrics.connections.get();
                tracing::warn!(
                    connections,
                    "nothing more can be accepted for now: new connections wait (is the limit of open files too low?)"
                );
            }
            (true, _) => {}
        }
    }

    /// For how many more connections there are files, beside those that HTTP, the operator and the store need.
    fn room(&self) -> usize {
        let open = self.core.metrics.connections.get() + self.waiting.load(Ordering::Relaxed);
        self.connections_max.map_or(usize::MAX, |max| usize::try_from(max.saturating_sub(open)).unwrap_or(0))
    }

    /// Accepts what is there, as far as one turn goes.
    fn accept_some(&mut self, index: usize) -> Turn {
        let room = self.room();
        let Some(listener) = self.listeners.get(index).filter(|_| room > 0) else { return Turn::NoRoom };
        let is_direct_tls = listener.is_direct_tls;
        let (accepted, turn) = take_turn(&listener.socket, room.min(TURN_MAX));
        for (socket, address) in accepted {
            self.hand_over(socket, address, is_direct_tls);
        }
        turn
    }

    fn hand_over(&mut self, socket: mio::net::TcpStream, address: SocketAddr, is_direct_tls: bool) {
        let source = Source::new(address.ip());
        let level = self.core.pressure.level();
        let metrics = &self.core.metrics;
        if level == Level::Full {
            metrics.connections_shed.inc();
            return;
        }
        let mut admission = self.caps.enter(source);
        if admission != Admission::Served {
            metrics.connections_refused.inc();
        }
        if admission == Admission::Dropped {
            return;
        }
        if level == Level::High {
            metrics.connections_shed.inc();
            admission = Admission::Told;
        }
        let waiting = Waiting::new(&self.waiting);
        let accepted = Accepted { socket, source, is_direct_tls, admission, waiting };
        let count = self.workers.len();
        let in_turn = (1..=count).map(|ahead| (self.next_worker + ahead) % count);
        let next = in_turn.into_iter().find(|index| self.workers.get(*index).is_some_and(|worker| !worker.is_closed()));
        match next.and_then(|index| Some((index, self.workers.get(index)?))) {
            Some((index, worker)) => {
                self.next_worker = index;
                worker.push(Command::Accept(accepted));
            }
            None => self.caps.leave(source),
        }
    }
}

/// How a turn of a listener ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    /// Nobody waits any more.
    Over,
    /// There may be more.
    More,
    /// Nothing more can be accepted for now.
    NoRoom,
}

/// Accepts at most so many.
fn take_turn(listener: &TcpListener, at_most: usize) -> (Vec<(mio::net::TcpStream, SocketAddr)>, Turn) {
    let mut accepted = Vec::new();
    let mut failures = 0;
    while accepted.len() < at_most {
        match listener.accept() {
            Ok(next) => {
                failures = 0;
                accepted.push(next);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return (accepted, Turn::Over),
            Err(error) if matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOBUFS | ENOMEM)) => {
                tracing::debug!(%error, "nothing more can be accepted for now");
                return (accepted, Turn::NoRoom);
            }
            // The client has gone between its connection and now.
            Err(error) => {
                tracing::debug!(%error, "a connection was lost before it was accepted");
                failures += 1;
                if failures >= FAILURES_MAX {
                    return (accepted, Turn::NoRoom);
                }
            }
        }
    }
    (accepted, Turn::More)
}

const ENOMEM: i32 = rustix::io::Errno::NOMEM.raw_os_error();
const ENFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();
const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const ENOBUFS: i32 = rustix::io::Errno::NOBUFS.raw_os_error();

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::{Listener, Turn, take_turn};

    #[test]
    fn a_turn_takes_so_many_and_leaves_the_rest_to_the_next() {
        let listener = Listener::bind(([127, 0, 0, 1], 0).into(), false).expect("a port");
        let address = listener.address().expect("it has one");
        // On loopback a connection waits to be accepted as soon as it is there.
        let clients: Vec<TcpStream> = (0..5).map(|_| TcpStream::connect(address).expect("a connection")).collect();
        let turns = [2, 2, 2, 2].map(|at_most| {
            let (accepted, turn) = take_turn(&listener.socket, at_most);
            assert!(accepted.iter().all(|(socket, _)| socket.nodelay().expect("an option")), "nothing waits for more");
            (accepted.len(), turn)
        });
        assert_eq!(turns, [(2, Turn::More), (2, Turn::More), (1, Turn::Over), (0, Turn::Over)]);
        drop(clients);
    }
}
