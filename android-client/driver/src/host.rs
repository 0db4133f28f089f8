//! What a driver needs of whoever runs it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use longwire_client::inbox::{Outcome, Snapshot, StoreError, Transaction};
use longwire_client::{Event, Failure, HandOver, Machine, Refusal, Reply, State, Target};

use crate::connect::{Connected, connect};
use crate::resolve::Resolver;
use crate::tls::{SecureError, Tls};

/// An answer under way.
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What the driver is to do for its host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wish {
    /// Tell the machine.
    Event(Event),
    /// Do what is due.
    Timeouts,
    /// Send bytes that were held back.
    Write(Vec<u8>),
    /// Drop the connection without a word: it stays open, and is never looked at again.
    Abandon,
    /// End politely.
    Stop,
}

/// The state of a device as its host is told it.
#[derive(Debug, Clone, Copy)]
pub struct Status<'a> {
    /// Where it stands.
    pub state: &'a State,
    /// The longest silence that it promises, in seconds.
    pub heartbeat_s: u32,
    /// When it tries again by itself, on the boot clock.
    pub until_ms: Option<u64>,
    /// Whether TLS came to stand on the last connection.
    pub is_secured: bool,
}

/// Where a device stands when nothing more follows from what happened.
#[derive(Clone, Copy)]
pub struct Standing<'a> {
    /// The machine.
    pub machine: &'a Machine,
    /// Whether the store is being read.
    pub is_loading: bool,
    /// Whether a step is under way to the disk.
    pub is_storing: bool,
    /// Steps that came to the disk, and steps that did not.
    pub steps: (u64, u64),
    /// The boot clock.
    pub now_ms: u64,
}

/// Who runs a driver: its store, its screen and its own wishes.
pub trait Host: Send {
    /// Something of the host's own that happened.
    type Notice: Send;

    /// Reads the store, and whose payload the former process noted.
    fn load(&mut self) -> Answer<Result<Snapshot, StoreError>>;

    /// Makes a step durable.
    fn apply(&mut self, transaction: Transaction) -> Answer<Result<Vec<Outcome>, StoreError>>;

    /// Notes whose payload is about to be parsed, or that none is. Where that fails, a payload that kills costs one more life, no more.
    fn note(&mut self, id: Option<&str>);

    /// Hands a notification to the app.
    fn hand_over(&mut self, shown: HandOver);

    /// Takes a notification from the screen.
    fn remove(&mut self, id: String, attempt: u32);

    /// The server answered a request.
    fn answered(&mut self, number: u64, answer: Result<Reply, Refusal>) -> impl Future<Output = ()> + Send;

    /// Who makes TLS connections.
    fn tls(&self) -> Tls;

    /// Who knows where names lead to.
    fn resolver(&self) -> Arc<dyn Resolver>;

    /// Connects to a target; `has_no_records` when the DNS said that the domain has no SRV records.
    fn connect(&mut self, target: Target, has_no_records: bool) -> Answer<Result<Connected, SecureError>> {
        let (resolver, tls) = (self.resolver(), self.tls());
        let _ = has_no_records;
        Box::pin(async move { connect(&target, resolver.as_ref(), tls).await })
    }

    /// A connection did not come about.
    fn failed(&mut self, failure: &Failure);

    /// The connection is closed.
    fn closed(&mut self) {}

    /// What of these bytes, which acknowledge, is to be sent now.
    fn acknowledge(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        Some(bytes)
    }

    /// The state changed.
    fn state(&mut self, status: Status<'_>) -> impl Future<Output = ()> + Send;

    /// The heartbeat changed while the device is online.
    fn heartbeat(&mut self, status: Status<'_>) -> impl Future<Output = ()> + Send;

    /// Nothing more follows from what happened.
    fn settled(&mut self, standing: Standing<'_>);

    /// Waits for the next thing of the host's own. Dropped and called again at any time: it must not lose anything.
    fn next(&mut self) -> impl Future<Output = Self::Notice> + Send;

    /// Takes what happened; what follows from it.
    fn take(&mut self, notice: Self::Notice) -> impl Future<Output = Vec<Wish>> + Send;

    /// Whether something must still be carried out before the end; after [`Wish::Stop`].
    fn is_busy(&self) -> bool;
}
