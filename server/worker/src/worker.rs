//! A worker's turn: what it is handed, carried out until nothing is left of it; its connections from the first byte to the last.

use std::cmp::Reverse;
use std::collections::{HashMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::Arc;

use longwire_c2s::{Outbox, Stream};
use longwire_core::Pressure;
use longwire_core::pressure::Level;
use longwire_core::{Core, session_manager};
use longwire_model::SessionEnd;
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_router::{Now, Output, SessionKey, Shard};
use slab::Slab;

use crate::connection::{Connection, Flags, PutOff};
use crate::host::{Accepted, Command, Done, Gone, Host, Place, Transport};
use crate::lines::Lines;
use crate::outputs::Offered;

/// Bytes read at once, into a buffer that all connections of a worker share.
const READ_BYTES: usize = 64 * 1024;
/// Milliseconds after which a connection that takes nothing is closed (DESIGN rule 8).
pub const BLOCKED_MS: u64 = 30_000;
/// Milliseconds that a client has to close its half after we have closed ours.
const LINGER_MS: u64 = 2_000;
/// Bytes that a connection may owe its client: what others may have sent it (twice 256 KiB, since the last stanza comes on top), and a
/// window of entries (256 KiB); above it, it is closed.
pub const UNSENT_BYTES_MAX: usize = 768 * 1024;
/// Bytes that a worker owes more, or less, before it tells.
const OWED_BYTES_UNTOLD: isize = 32 * 1024;
/// Seconds after which who finds memory short may come back, and over how many more they are spread.
const PRESSED_WAIT_S: u32 = 10;
const PRESSED_SPREAD_S: u32 = 50;
/// The same for whose address has as many sessions as it may: these do not end soon.
const CROWDED_WAIT_S: u32 = 60;
/// Milliseconds between two counts of what is unacknowledged.
const COUNT_EVERY_MS: u64 = 2_000;
/// Lines a minute about failed logins, and as many about broken rules, of one address and of all: far more than a tool needs that keeps
/// guessers out.
const LINES_OF_ONE: NonZeroU32 = NonZeroU32::MIN.saturating_add(59);
const LINES_OF_ALL: NonZeroU32 = NonZeroU32::MIN.saturating_add(599);

/// What a worker is told at start.
#[derive(Clone)]
pub struct Settings {
    /// The managers.
    pub core: Arc<Core>,
    /// Of every stream.
    pub streams: Arc<longwire_c2s::Config>,
    /// Seconds over which clients are asked to spread their return after a shutdown.
    pub drain_spread_s: u32,
    /// Bytes that a session may send in a second, beside a burst of two seconds' worth; each stanza counts as half a KiB more. 0 for no
    /// limit.
    pub session_bytes_per_s: u32,
}

/// A worker: its connections, and its part of the sessions. Call [`Worker::begin_turn`], hand it what has happened, and call
/// [`Worker::end_turn`].
pub struct Worker<H: Host> {
    pub(crate) index: usize,
    pub(crate) core: Arc<Core>,
    pub(crate) streams: Arc<longwire_c2s::Config>,
    drain_spread_s: u32,
    pub(crate) session_bytes_per_s: u32,
    pub(crate) host: H,
    /// What the managers know this worker by.
    pub(crate) name: Arc<dyn session_manager::Worker>,
    pub(crate) connections: Slab<Connection<H::Transport>>,
    pub(crate) sessions: HashMap<SessionKey, usize>,
    pub(crate) shard: Shard,
    pub(crate) now: Now,
    next_number: u64,
    pub(crate) buffer: Vec<u8>,
    pub(crate) out: Outbox,
    pub(crate) outputs: Vec<Output>,
    pub(crate) offered: Vec<Offered>,
    pub(crate) done: VecDeque<(Place, Done)>,
    /// Questions of original clients that wait for their turn, by slot.
    pub(crate) put_off: HashMap<usize, PutOff>,
    /// Connections with bytes to write, and those whose deadline may have moved.
    dirty: Vec<usize>,
    pub(crate) touched: Vec<usize>,
    /// Connections whose input goes on although no event will say so.
    pub(crate) ready: Vec<usize>,
    drain_until_ms: Option<u64>,
    /// Bytes owed since the last time that was told.
    owed: isize,
    /// What the gauge was last told, and when: it looks at every session.
    unacknowledged: i64,
    counted_ms: u64,
    /// What an operator sees in the log of an attack: who has had a line lately, and how often so far.
    pub(crate) failed_lines: Lines,
    pub(crate) violation_lines: Lines,
    pub(crate) login_failures: u64,
    pub(crate) violations: u64,
    pub(crate) turned_away: u64,
    relieved: u64,
    pub(crate) sessions_refused: u64,
}

impl<H: Host> Worker<H> {
    /// Bytes of one connection in its slot, without its transport's own memory.
    pub const CONNECTION_BYTES: usize = size_of::<Connection<H::Transport>>();

    /// A worker with an empty shard that has seen the log up to its end. `index` and `name` are what the session manager knows it by.
    #[must_use]
    pub fn new(index: usize, name: Arc<dyn session_manager::Worker>, settings: Settings, host: H) -> Self {
        let Settings { core, streams, drain_spread_s, session_bytes_per_s } = settings;
        let log = &core.log;
        let now = core.env.instant();
        Self {
            index,
            drain_spread_s,
            session_bytes_per_s,
            host,
            name,
            connections: Slab::new(),
            sessions: HashMap::new(),
            shard: Shard::new(log.app(), log.generation(), log.last()),
            now,
            next_number: 0,
            buffer: vec![0; READ_BYTES],
            out: Outbox::default(),
            outputs: Vec::new(),
            offered: Vec::new(),
            done: VecDeque::new(),
            put_off: HashMap::new(),
            dirty: Vec::new(),
            touched: Vec::new(),
            ready: Vec::new(),
            drain_until_ms: None,
            owed: 0,
            unacknowledged: 0,
            counted_ms: now.mono_ms,
            failed_lines: Lines::new(LINES_OF_ONE, LINES_OF_ALL),
            violation_lines: Lines::new(LINES_OF_ONE, LINES_OF_ALL),
            login_failures: 0,
            violations: 0,
            turned_away: 0,
            relieved: 0,
            sessions_refused: 0,
            streams,
            core,
        }
    }

    /// Its host.
    pub const fn host(&mut self) -> &mut H {
        &mut self.host
    }

    /// What carries the bytes of the connection in a slot.
    pub fn transport(&mut self, slot: usize) -> Option<&mut H::Transport> {
        Some(&mut self.connections.get_mut(slot)?.transport)
    }

    /// The instant of the turn.
    #[must_use]
    pub const fn now(&self) -> Now {
        self.now
    }

    /// Whether there is something to do in another turn at once.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Begins a turn at this instant, with the connections that had to leave the last one to the others.
    pub fn begin_turn(&mut self, now: Now) {
        self.now = now;
        for slot in std::mem::take(&mut self.ready) {
            self.go_on(slot);
            self.settle();
        }
    }

    /// Ends a turn: writes what was queued in it, sets timers, counts.
    pub fn end_turn(&mut self) {
        // The others write while this one does.
        self.core.sessions.wake();
        self.flush();
        self.tell_taken();
        self.reschedule();
        self.count();
        self.core.sessions.wake();
    }

    /// Whether every stream has ended after [`Command::Drain`], or the time for it has.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        let Some(until_ms) = self.drain_until_ms else { return false };
        self.connections.is_empty() || self.now.mono_ms >= until_ms
    }

    /// A connection may have something to read, or has room to write again.
    pub fn handle_event(&mut self, slot: usize, is_writable: bool, is_read_closed: bool) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if is_writable && connection.blocked_since_ms().is_some() {
            self.mark_dirty(slot);
        }
        self.handle_readable(slot, is_read_closed);
        self.settle();
    }

    /// Something was done, committed or asked for.
    pub fn handle_command(&mut self, command: Command) {
        self.carry_out_command(command);
        self.settle();
    }

    fn carry_out_command(&mut self, command: Command) {
        match command {
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

    /// The slot that the next accepted connection will have.
    #[must_use]
    pub fn next_slot(&self) -> usize {
        self.connections.vacant_key()
    }

    /// Serves a connection, in the slot that [`Worker::next_slot`] has told.
    pub fn accept(&mut self, accepted: Accepted<H::Transport>) {
        let Accepted { transport, is_direct_tls, is_refused } = accepted;
        self.next_number += 1;
        let seed = self.core.env.random();
        let stream = Stream::new(Arc::clone(&self.streams), seed, self.now.mono_ms);
        let slot = self.connections.insert(Connection {
            number: self.next_number,
            transport,
            stream,
            session: None,
            timer: None,
            halted: None,
            proven: 0,
            flags: Flags { is_counted: true, is_refused, ..Flags::default() },
        });
        self.core.metrics.connections.inc();
        if self.drain_until_ms.is_some() {
            self.shut_down(slot);
        } else if is_direct_tls {
            self.start_tls(slot, true);
        } else {
            self.refuse_if_told(slot);
        }
        self.handle_readable(slot, false);
        self.touched.push(slot);
        self.settle();
    }

    /// Forgets every connection and its session: nobody is told.
    pub fn remove_all(&mut self) {
        let slots: Vec<usize> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.remove(slot);
        }
    }

    /// Carries out what the last event led to, until nothing is left of it.
    pub(crate) fn settle(&mut self) {
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

    /// Brings the metrics up to this turn.
    fn count(&mut self) {
        let metrics = &self.core.metrics;
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

    /// Begins a TLS handshake, behind what was written before it.
    pub(crate) fn start_tls(&mut self, slot: usize, is_direct: bool) {
        if self.offer(slot).is_err() {
            return self.remove(slot);
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if self.host.start_tls(&mut connection.transport, is_direct).is_err() {
            self.remove(slot);
        }
    }

    /// Tells a connection that its address has too many before login.
    pub(crate) fn refuse_if_told(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get(slot).filter(|connection| connection.flags.is_refused) {
            let (text, after_s) = if self.core.pressure.level() == Level::Calm {
                let after_s = self.host.wait_to_enter(&connection.transport, self.now.mono_ms);
                ("too many connections before login", after_s)
            } else {
                let within_s = u32::from_be_bytes(self.core.env.random()) % PRESSED_SPREAD_S;
                ("the server is short of memory", PRESSED_WAIT_S + within_s)
            };
            let error = StreamError::new(StreamCondition::ResourceConstraint);
            let error = error.with_text(text).with_retry(after_s);
            self.close(slot, &error);
        }
    }

    /// Counts a connection among the sessions of its address, or tells it that there are too many. Whether it may go on.
    pub(crate) fn enter_session(&mut self, slot: usize) -> bool {
        let Some(connection) = self.connections.get_mut(slot) else { return false };
        if connection.flags.may_bind || self.host.enter_session(&connection.transport) {
            connection.flags.may_bind = true;
            return true;
        }
        self.sessions_refused += 1;
        if self.sessions_refused.is_power_of_two() {
            let (worker, count) = (self.index, self.sessions_refused);
            tracing::warn!(
                worker,
                count,
                "sessions were refused, since their address has as many as it may: sessions_per_address_max says how many"
            );
        }
        let after_s = CROWDED_WAIT_S + u32::from_be_bytes(self.core.env.random()) % CROWDED_WAIT_S;
        let error = StreamError::new(StreamCondition::ResourceConstraint);
        self.close(slot, &error.with_text("too many sessions of one address").with_retry(after_s));
        false
    }

    /// Ends a stream with an error.
    pub(crate) fn close(&mut self, slot: usize, error: &StreamError) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.stream.close(error, &mut self.out);
        self.drain_outbox(slot);
    }

    /// Nothing more is read or written; the connection goes once its client has what it is owed, or has had its time.
    pub(crate) fn begin_closing(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.linger(self.now.mono_ms.saturating_add(LINGER_MS));
        self.touched.push(slot);
        self.mark_dirty(slot);
        self.end_session(slot, SessionEnd::Closed);
    }

    /// Forgets a connection; a session that it still has was lost with it.
    pub(crate) fn remove(&mut self, slot: usize) {
        self.end_session(slot, SessionEnd::Lost);
        self.put_off.remove(&slot);
        let Some(connection) = self.connections.try_remove(slot) else { return };
        if connection.flags.is_counted {
            self.host.leave(&connection.transport);
        }
        self.owe(-signed(connection.transport.unsent_bytes()));
        if connection.flags.may_bind {
            self.host.leave_session(&connection.transport);
        }
        self.host.remove(connection.transport);
        self.core.metrics.connections.dec();
    }

    fn mark_dirty(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.flags.is_dirty, true)
        {
            self.dirty.push(slot);
        }
    }

    /// Queues bytes for a connection. One that owes too much, and whose socket takes nothing, is closed.
    pub(crate) fn write(&mut self, slot: usize, bytes: &[u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if bytes.is_empty() || connection.flags.is_finished {
            return;
        }
        connection.transport.queue(bytes);
        let owes_too_much = connection.transport.unsent_bytes() > UNSENT_BYTES_MAX;
        self.owe(signed(bytes.len()));
        self.mark_dirty(slot);
        if owes_too_much {
            self.flush_one(slot);
            if self.unsent(slot) > UNSENT_BYTES_MAX {
                self.let_go(slot);
            }
        }
        if self.core.pressure.is_short() {
            self.relieve();
        }
    }

    /// Bytes that a connection owes its client.
    pub(crate) fn unsent(&self, slot: usize) -> usize {
        self.connections.get(slot).map_or(0, |connection| connection.transport.unsent_bytes())
    }

    /// Closes a connection whose client does not read: what it has not acknowledged stays in the log.
    fn let_go(&mut self, slot: usize) {
        tracing::debug!(worker = self.index, "a client that reads too slowly was closed");
        self.end_session(slot, SessionEnd::Slow);
        self.remove(slot);
    }

    /// All connections together owe more than there is memory for: every socket is offered what waits for it, and those that still take
    /// nothing are let go, who has stood still longest first.
    fn relieve(&mut self) {
        let owing: Vec<usize> =
            self.connections.iter().map(|(slot, _)| slot).filter(|slot| self.unsent(*slot) > 0).collect();
        for slot in &owing {
            self.flush_one(*slot);
        }
        let since = |slot: usize| self.connections.get(slot).and_then(|connection| connection.blocked_since_ms());
        let mut blocked: Vec<(u64, Reverse<usize>, usize)> =
            owing.into_iter().filter_map(|slot| Some((since(slot)?, Reverse(self.unsent(slot)), slot))).collect();
        blocked.sort_unstable();
        self.tell_owed();
        for (_, _, slot) in blocked {
            if self.core.pressure.has_room() {
                break;
            }
            self.let_go(slot);
            self.tell_owed();
            self.note_relieved();
        }
    }

    fn note_relieved(&mut self) {
        self.relieved += 1;
        if self.relieved.is_power_of_two() {
            let (worker, count) = (self.index, self.relieved);
            tracing::warn!(worker, count, "memory is short: clients that do not read were let go");
        }
    }

    /// So many bytes more, or fewer, are owed.
    fn owe(&mut self, bytes: isize) {
        self.owed = self.owed.saturating_add(bytes);
        if self.owed.unsigned_abs() > OWED_BYTES_UNTOLD.unsigned_abs() {
            self.tell_owed();
        }
    }

    fn tell_owed(&mut self) {
        let pressure: &Pressure = &self.core.pressure;
        pressure.add_owed(std::mem::take(&mut self.owed));
    }

    /// Offers a socket what waits for it; whether it took anything.
    fn offer(&mut self, slot: usize) -> Result<bool, Gone> {
        let Some(connection) = self.connections.get_mut(slot) else { return Ok(false) };
        let before = connection.transport.unsent_bytes();
        let taken = connection.transport.flush();
        let after = connection.transport.unsent_bytes();
        self.owe(signed(after) - signed(before));
        taken
    }

    /// Writes what was queued since the last time.
    pub(crate) fn flush(&mut self) {
        while !self.dirty.is_empty() {
            self.flush_dirty();
            self.settle();
        }
    }

    /// Writes what was queued so far in a turn that has much more to write, and sets timers, while what is known of these connections is at
    /// hand.
    pub(crate) fn flush_early(&mut self) {
        self.flush_dirty();
        self.reschedule();
    }

    fn flush_dirty(&mut self) {
        let mut dirty = std::mem::take(&mut self.dirty);
        // In this order connections mostly lie in memory, also in the kernel's.
        dirty.sort_unstable();
        for slot in dirty.drain(..) {
            if let Some(connection) = self.connections.get_mut(slot) {
                connection.flags.is_dirty = false;
            }
            self.flush_one(slot);
        }
        if self.dirty.is_empty() {
            self.dirty = dirty;
        }
    }

    pub(crate) fn flush_one(&mut self, slot: usize) {
        let Ok(progress) = self.offer(slot) else { return self.remove(slot) };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.transport.is_drained() {
            connection.unblock();
            if connection.linger_until_ms().is_some() && !connection.flags.is_finished {
                connection.flags.is_finished = true;
                if connection.transport.finish().is_err() {
                    return self.remove(slot);
                }
            }
            if connection.flags.may_read || connection.has_held() {
                self.ready.push(slot);
            }
        } else if progress || connection.blocked_since_ms().is_none() {
            connection.block(self.now.mono_ms);
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
        let spread = self.drain_spread_s.max(1);
        let after_s = u32::from_be_bytes(self.core.env.random()) % spread + 1;
        self.close(slot, &StreamError::new(StreamCondition::SystemShutdown).with_retry(after_s));
    }

    /// Begins work for a connection; what is done at once waits its turn too.
    pub(crate) fn start(&mut self, place: Place, work: impl Future<Output = Done> + Send + 'static) {
        self.done.extend(self.host.start(place, Box::pin(work)).map(|done| (place, done)));
    }

    pub(crate) fn place(&self, slot: usize) -> Option<Place> {
        self.connections.get(slot).map(|connection| Place { slot, number: connection.number })
    }

    /// The slot of a place, if its connection is still there.
    pub(crate) fn slot(&self, place: Place) -> Option<usize> {
        let connection = self.connections.get(place.slot)?;
        (connection.number == place.number).then_some(place.slot)
    }
}

/// Bytes in memory are fewer than half of what a `usize` counts.
fn signed(bytes: usize) -> isize {
    isize::try_from(bytes).unwrap_or(isize::MAX)
}

/// Milliseconds as seconds; what is above fifty days counts as that.
pub(crate) fn seconds(ms: u64) -> f64 {
    f64::from(u32::try_from(ms).unwrap_or(u32::MAX)) / 1_000.0
}
