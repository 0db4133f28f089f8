//! Listening and accepting: one thread, which hands connections to the workers in turn.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::net::TcpListener;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, Socket, Type};

use crate::NetError;
use crate::inbox::{Accepted, Command, Inbox};
use longwire_core::Core;
use longwire_core::pressure::Level;
use longwire_worker::caps::{Admission, Caps, Source};

/// Connections that the kernel completes before we accept them.
const BACKLOG: i32 = 4096;
/// How long nothing is accepted after the files have run out.
const PAUSE: Duration = Duration::from_millis(200);
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
    stop: Arc<AtomicBool>,
    next_worker: usize,
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
    ) -> io::Result<(Self, Stopper)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKE)?;
        for (index, listener) in listeners.iter_mut().enumerate() {
            poll.registry().register(&mut listener.socket, Token(index), Interest::READABLE)?;
        }
        let stop = Arc::new(AtomicBool::new(false));
        let stopper = Stopper { stop: Arc::clone(&stop), waker };
        Ok((Self { poll, listeners, workers, caps, core, stop, next_worker: 0 }, stopper))
    }

    /// Accepts until it is stopped; the listeners are closed when it returns.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(16);
        let mut pause = None;
        while !self.stop.load(Ordering::Acquire) {
            if let Err(error) = self.poll.poll(&mut events, pause)
                && error.kind() != ErrorKind::Interrupted
            {
                tracing::error!(%error, "failed to wait for connections");
            }
            // Edge-triggered, and after a pause without a new event: every listener is asked until it has nothing more.
            let has_room = (0..self.listeners.len()).all(|index| self.accept_all(index));
            pause = (!has_room).then_some(PAUSE);
        }
    }

    /// Accepts what is there; false when the files have run out.
    fn accept_all(&mut self, index: usize) -> bool {
        loop {
            let Some(listener) = self.listeners.get(index) else { return true };
            match listener.socket.accept() {
                Ok((socket, address)) => {
                    let is_direct_tls = listener.is_direct_tls;
                    self.hand_over(socket, address, is_direct_tls);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return true,
                Err(error) if matches!(error.raw_os_error(), Some(EMFILE | ENFILE | ENOBUFS | ENOMEM)) => {
                    tracing::warn!(%error, pause_ms = PAUSE.as_millis(), "nothing more can be accepted for now");
                    return false;
                }
                // The client has gone between its connection and now.
                Err(error) => tracing::debug!(%error, "a connection was lost before it was accepted"),
            }
        }
    }

    fn hand_over(&mut self, socket: mio::net::TcpStream, address: SocketAddr, is_direct_tls: bool) {
        let source = Source::new(address.ip());
        let level = self.core.pressure.level();
        if level == Level::Full {
            return;
        }
        let mut admission = self.caps.enter(source);
        if admission == Admission::Dropped {
            return;
        }
        if level == Level::High {
            admission = Admission::Told;
        }
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "a connection was lost before it was served");
        }
        let accepted = Accepted { socket, source, is_direct_tls, admission };
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

const ENOMEM: i32 = rustix::io::Errno::NOMEM.raw_os_error();
const ENFILE: i32 = rustix::io::Errno::NFILE.raw_os_error();
const EMFILE: i32 = rustix::io::Errno::MFILE.raw_os_error();
const ENOBUFS: i32 = rustix::io::Errno::NOBUFS.raw_os_error();
