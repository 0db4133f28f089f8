//! What surrounds the server's worker in a world: connections that the world carries, futures on the process's one thread, timers in
//! the order of their instants.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use longwire_model::{DeviceId, EntryId, Seq};
use longwire_worker::{Command, Done, Gone, Host, Place, Read, Timer, Transport, Work};
use tokio::runtime::Handle;

use crate::Mutation;
use crate::mutate;
use crate::server::{Hands, Inbox, Queue};

/// The channel binding of every connection.
pub(crate) const EXPORTER: [u8; 32] = [7; 32];

/// What connections did, in order.
pub(crate) enum Seen {
    /// An entry was written towards a device.
    Sent(DeviceId, EntryId),
    /// Somebody has logged in to this account.
    Bound(String),
    /// A stream was ended for a broken rule.
    Violation(String),
    /// The client's side is sent these bytes.
    Bytes(u64, Vec<u8>),
    /// The client's side is told that nothing follows.
    Finished(u64),
    /// The worker has let a connection go.
    Removed(u64),
}

pub(crate) type Log = Rc<RefCell<Vec<Seen>>>;

/// The host.
pub(crate) struct WorldHost {
    pub(crate) runtime: Handle,
    pub(crate) queue: Queue,
    pub(crate) watermark: Arc<AtomicU64>,
    pub(crate) log: Log,
    pub(crate) timers: BTreeSet<(u64, Timer)>,
    pub(crate) next_stamp: u32,
    pub(crate) hands: Arc<Hands>,
    pub(crate) mutation: Option<Mutation>,
}

impl WorldHost {
    /// The next timer that has come up.
    pub(crate) fn pop_timer(&mut self, now_ms: u64) -> Option<Timer> {
        let first = self.timers.first().filter(|(due_ms, _)| *due_ms <= now_ms).copied()?;
        self.timers.remove(&first);
        Some(first.1)
    }
}

impl Host for WorldHost {
    type Transport = Pipe;

    fn start(&mut self, place: Place, mut work: Work<Done>) -> Option<Done> {
        let _guard = self.runtime.enter();
        if let Poll::Ready(done) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some(done);
        }
        self.spawn(Box::pin(async move { Command::Done(place, work.await) }));
        None
    }

    fn spawn(&mut self, work: Work<Command>) {
        let queue = Arc::clone(&self.queue);
        drop(self.runtime.spawn(async move {
            let command = work.await;
            queue.lock().expect("nothing panics with it").push_back(Inbox::Worker(command));
        }));
    }

    fn set_timer(&mut self, slot: usize, due_ms: u64) -> u32 {
        self.next_stamp += 1;
        let timer = Timer { slot: u32::try_from(slot).expect("a few"), stamp: self.next_stamp };
        let wait_ms = due_ms.saturating_sub(self.hands.mono_ms.load(Ordering::Relaxed));
        if !mutate::server::is_forgotten(self.mutation, wait_ms) {
            self.timers.insert((due_ms, timer));
        }
        timer.stamp
    }

    fn start_tls(&mut self, transport: &mut Pipe, _: bool) -> Result<(), Gone> {
        transport.is_handshaking = true;
        Ok(())
    }

    fn passed(&mut self, watermark: Seq) {
        self.watermark.store(watermark, Ordering::Relaxed);
    }

    fn may_log_in(&mut self, _: &Pipe, _: u64) -> Result<(), u32> {
        Ok(())
    }

    fn may_register(&mut self, _: &Pipe, _: u64) -> Result<(), u32> {
        Ok(())
    }

    fn wait_to_enter(&mut self, _: &Pipe, _: u64) -> u32 {
        1
    }

    fn enter_session(&mut self, _: &Pipe) -> bool {
        true
    }

    fn leave_session(&mut self, _: &Pipe) {}

    fn peer(&self, _: &Pipe) -> Option<IpAddr> {
        None
    }

    fn leave(&mut self, _: &Pipe) {}

    fn remove(&mut self, transport: Pipe) {
        let mut log = self.log.borrow_mut();
        if !transport.is_finished && !transport.is_ended {
            log.push(Seen::Finished(transport.link));
        }
        log.push(Seen::Removed(transport.link));
    }
}

/// The server's end of a connection.
pub(crate) struct Pipe {
    link: u64,
    log: Log,
    mutation: Option<Mutation>,
    mutant: mutate::server::Wire,
    incoming: VecDeque<u8>,
    /// What was queued since the last flush, and what of the bytes before it was not taken.
    stanzas: Vec<Vec<u8>>,
    unsent: Vec<u8>,
    /// Bytes that are taken before the client reads again; none for any number.
    room: Option<usize>,
    is_handshaking: bool,
    is_ended: bool,
    is_finished: bool,
    device: Option<DeviceId>,
    account: Option<String>,
    is_closing: bool,
}

impl Pipe {
    pub(crate) fn new(link: u64, log: Log, mutation: Option<Mutation>) -> Self {
        Self {
            link,
            log,
            mutation,
            mutant: mutate::server::Wire::default(),
            incoming: VecDeque::new(),
            stanzas: Vec::new(),
            unsent: Vec::new(),
            room: None,
            is_handshaking: false,
            is_ended: false,
            is_finished: false,
            device: None,
            account: None,
            is_closing: false,
        }
    }

    /// Bytes have come from the client.
    pub(crate) fn receive(&mut self, bytes: &[u8]) {
        self.mutant.heard(bytes);
        self.incoming.extend(bytes);
    }

    /// The client has closed its half, or the connection was reset.
    pub(crate) const fn end(&mut self) {
        self.is_ended = true;
    }

    /// From here on so many bytes are taken; any number for none.
    pub(crate) const fn set_room(&mut self, bytes: Option<usize>) {
        self.room = bytes;
    }

    /// Whether a session of the account goes on here.
    pub(crate) fn is_live_as(&self, account: &str) -> bool {
        self.account.as_deref() == Some(account) && !self.is_closing && !self.is_finished && !self.is_ended
    }

    fn note(&mut self, stanza: &[u8]) {
        let Ok(text) = std::str::from_utf8(stanza) else { return };
        self.is_closing |= text.contains("<stream:error") || text.contains("</stream:stream");
        let bound = text.split_once("<authorization-identifier>").filter(|_| text.contains("<bound"));
        if let Some((account, _)) = bound.and_then(|(_, jid)| jid.split_once('@')) {
            self.account = Some(account.to_owned());
            self.log.borrow_mut().push(Seen::Bound(account.to_owned()));
        }
        if let Some(device) = mutate::attr(text, "device").filter(|_| text.contains("<bound")) {
            self.device = device.parse().ok();
        }
        let id = mutate::attr(text, "id").filter(|_| text.starts_with("<message") && text.contains("<entry"));
        if let (Some(device), Some(id)) = (self.device, id.and_then(|id| id.parse().ok())) {
            self.log.borrow_mut().push(Seen::Sent(device, id));
        }
        if text.contains("<policy-violation") {
            self.log.borrow_mut().push(Seen::Violation(text.to_owned()));
        }
    }
}

impl Transport for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> Result<Read, Gone> {
        if std::mem::take(&mut self.is_handshaking) {
            return Ok(Read::Secured(Some(EXPORTER)));
        }
        let count = self.incoming.len().min(buffer.len());
        if count == 0 {
            return if self.is_ended { Err(Gone) } else { Ok(Read::Blocked) };
        }
        for (to, from) in buffer.iter_mut().zip(self.incoming.drain(..count)) {
            *to = from;
        }
        Ok(Read::Bytes(count))
    }

    fn queue(&mut self, bytes: &[u8]) {
        self.note(bytes);
        let Some(mutation) = self.mutation else { return self.stanzas.push(bytes.to_vec()) };
        let (stanza, heard) = self.mutant.queued(mutation, bytes);
        self.stanzas.extend(stanza);
        self.incoming.extend(heard.into_iter().flatten());
    }

    fn flush(&mut self) -> Result<bool, Gone> {
        let later = self.mutation.and_then(|mutation| mutate::server::held_back(mutation, &mut self.stanzas));
        self.unsent.extend(self.stanzas.drain(..).flatten());
        self.stanzas.extend(later);
        let count = self.room.unwrap_or(usize::MAX).min(self.unsent.len());
        if count > 0 {
            let rest = self.unsent.split_off(count);
            let taken = std::mem::replace(&mut self.unsent, rest);
            self.log.borrow_mut().push(Seen::Bytes(self.link, taken));
            self.room = self.room.map(|room| room - count);
        }
        Ok(count > 0)
    }

    fn unsent_bytes(&self) -> usize {
        self.unsent.len() + self.stanzas.iter().map(Vec::len).sum::<usize>()
    }

    fn is_drained(&self) -> bool {
        self.unsent.is_empty() && self.stanzas.is_empty()
    }

    fn finish(&mut self) -> Result<(), Gone> {
        self.is_finished = true;
        self.log.borrow_mut().push(Seen::Finished(self.link));
        Ok(())
    }

    fn may_leave_more(&self) -> bool {
        true
    }
}
