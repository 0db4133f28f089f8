//! What a worker asks of its host, and what its host hands to it.

use core::net::IpAddr;
use std::future::Future;
use std::pin::Pin;

use longwire_c2s::Answer;
use longwire_core::login::{LoginError, Ready};
use longwire_core::routing::Outcome;
use longwire_core::session_manager;
use longwire_model::{Lane, Seq};
use longwire_router::{Bind, SessionKey};
use longwire_store::{LogPage, StoreError};

/// What surrounds a worker: where its work is done, who may, when it is called again.
pub trait Host {
    /// What carries a connection's bytes.
    type Transport: Transport;

    /// Begins work that may take a store's time. What need not wait is carried out at once, and what came of it given back; all else
    /// goes on elsewhere, and [`Command::Done`] is handed to the worker then.
    fn start(&mut self, place: Place, work: Work<Done>) -> Option<Done>;

    /// Carries out work elsewhere; the command that comes of it is handed to the worker.
    fn spawn(&mut self, work: Work<Command>);

    /// Asks for [`Worker::handle_timer`](crate::Worker::handle_timer) with this slot and the stamp given back: at `due_ms`, or
    /// earlier when that is far away. Timers are never taken back; the worker knows a stale one by its stamp.
    fn set_timer(&mut self, slot: usize, due_ms: u64) -> u32;

    /// Becomes the server of a TLS handshake.
    ///
    /// # Errors
    /// [`Gone`] when the connection cannot go on.
    fn start_tls(&mut self, transport: &mut Self::Transport, is_direct: bool) -> Result<(), Gone>;

    /// The shard has seen the log up to here; the host tells it to the session manager's name of this worker.
    fn passed(&mut self, watermark: Seq);

    /// Whether one more login may be tried from where this connection comes from.
    ///
    /// # Errors
    /// Seconds to wait.
    fn may_log_in(&mut self, transport: &Self::Transport, now_ms: u64) -> Result<(), u32>;

    /// Whether one more account may be registered from there.
    ///
    /// # Errors
    /// Seconds to wait.
    fn may_register(&mut self, transport: &Self::Transport, now_ms: u64) -> Result<(), u32>;

    /// In how many seconds a connection that was told to go may come back.
    fn wait_to_enter(&mut self, transport: &Self::Transport, now_ms: u64) -> u32;

    /// Whether a connection may have a session, as far as its address has not too many; it counts until [`Host::leave_session`].
    fn enter_session(&mut self, transport: &Self::Transport) -> bool;

    /// A connection that might have a session is over.
    fn leave_session(&mut self, transport: &Self::Transport);

    /// Where a connection comes from, for the log.
    fn peer(&self, transport: &Self::Transport) -> Option<IpAddr>;

    /// A connection counts no more among those before login.
    fn leave(&mut self, transport: &Self::Transport);

    /// A connection is over: closes it, if its client has not.
    fn remove(&mut self, transport: Self::Transport);
}

/// Carries one connection's bytes; owns nothing while the connection is idle.
pub trait Transport {
    /// Reads once.
    ///
    /// # Errors
    /// [`Gone`] when the client has closed its half, or the connection has failed.
    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, Gone>;

    /// Queues bytes, each call those of whole stanzas; [`Transport::flush`] writes them.
    fn queue(&mut self, bytes: &[u8]);

    /// Writes what is queued, as far as it is taken; whether anything was.
    ///
    /// # Errors
    /// [`Gone`] when the connection has failed.
    fn flush(&mut self) -> Result<bool, Gone>;

    /// Bytes that were queued and not taken.
    fn unsent_bytes(&self) -> usize;

    /// Whether everything was taken.
    fn is_drained(&self) -> bool;

    /// Says that nothing more will be written.
    ///
    /// # Errors
    /// [`Gone`] when the connection has failed.
    fn finish(&mut self) -> Result<(), Gone>;

    /// Whether the last read may have left more to read although it did not fill the buffer.
    fn may_leave_more(&self) -> bool;
}

/// What reading gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// So many bytes, at the front of the buffer; none when there may be more all the same.
    Bytes(usize),
    /// The TLS handshake is complete, with this `tls-exporter` binding.
    Secured(Option<[u8; 32]>),
    /// Nothing more for now.
    Blocked,
}

/// The connection has ended or failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// A connection that was accepted.
#[derive(Debug)]
pub struct Accepted<T> {
    /// What carries its bytes.
    pub transport: T,
    /// It begins with TLS.
    pub is_direct_tls: bool,
    /// It is told that there are too many of its kind as soon as anything can be said.
    pub is_refused: bool,
}

/// A connection of a worker; the number tells it from others that had the slot before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub(crate) slot: usize,
    pub(crate) number: u64,
}

/// A timer that has come up: the slot of its owner, and the stamp that [`Host::set_timer`] gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timer {
    /// The slot.
    pub slot: u32,
    /// The stamp.
    pub stamp: u32,
}

/// Work that may wait; it is carried out where the core's runtime is.
pub type Work<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a worker is told from outside its connections.
pub enum Command {
    /// Something that a connection waited for is done.
    Done(Place, Done),
    /// A page of the log was read for a session.
    Page {
        /// For which session.
        session: SessionKey,
        /// Of which lane.
        lane: Lane,
        /// Up to where it was asked for.
        upto: Seq,
        /// The page.
        result: Result<LogPage, StoreError>,
    },
    /// From the managers.
    Core(session_manager::Command),
    /// End every stream; the worker is drained when all have closed, and at this instant at the latest.
    Drain {
        /// Monotonic milliseconds.
        until_ms: u64,
    },
}

/// What was done for a connection.
pub enum Done {
    /// The answer to its stream's question.
    Answer(Answer),
    /// Its login.
    LoggedIn(Result<Box<Ready>, LoginError>),
    /// A device was read again for it.
    Reloaded(Result<Box<Bind>, LoginError>),
    /// A stanza was handled; its pushes begin when it is a client that came online.
    Handled(Outcome, Option<Result<Box<Bind>, LoginError>>),
}
