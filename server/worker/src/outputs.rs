//! What the shard asks for, turned into bytes, reads and writes.

use std::collections::HashMap;
use std::sync::Arc;

use longwire_core::render;
use longwire_core::session_manager::{self, EndReason, Taken};
use longwire_model::delivery::Acknowledgement;
use longwire_model::{DeviceId, Entry, EntryId, Seq, SessionEnd};
use longwire_protocol::element::Circular;
use longwire_protocol::push::{self, CursorMoved, UserChanged};
use longwire_router::{Batch, CloseReason, Output, SessionKey, Shard};
use longwire_store::{Write, Written};

use crate::connection::Connection;
use crate::host::{Command, Host, Place, Transport};
use crate::worker::{Worker, seconds};

/// For how long nothing is taken from a session whose acknowledgements the store does not keep up with.
const CROWDED_MS: u64 = 50;

/// Of what the shard asks for at once, so much is carried out before it is written: the rest of a broadcast would push it out of the caches.
const OUTPUTS_AT_ONCE: usize = 128;

/// A `ttl: 0` notification that was written in this turn, and who wants to know what became of it.
pub(crate) struct Offered {
    places: Vec<Place>,
    taken: Taken,
}

/// An entry, the user and the update that it is sent with.
type PushKey = (EntryId, Option<Arc<str>>, Option<EntryId>);

/// Entries as bytes, each made once per turn.
#[derive(Default)]
struct Rendered {
    /// For push sessions.
    push: HashMap<PushKey, Option<Arc<[u8]>>>,
    /// For clients without our extension.
    standard: HashMap<EntryId, Option<Circular>>,
}

impl<H: Host> Worker<H> {
    /// Takes the next committed batch. After a gap nothing is known of what was missed: the sessions log in again and read the log.
    pub(crate) fn announce(&mut self, batch: &Batch) {
        if let Err(gap) = self.shard.apply(batch, self.now, &mut self.outputs) {
            tracing::error!(worker = self.index, %gap, "a batch was missed; its sessions are ended");
            let mut keys: Vec<SessionKey> = self.sessions.keys().copied().collect();
            keys.sort_unstable();
            for key in keys {
                self.end(key, EndReason::Reset);
            }
            let end = batch.entries.last().map_or(batch.from, |entry| entry.seq);
            self.shard = Shard::new(self.core.log.app(), batch.generation, end);
        }
        self.settle();
        self.host.passed(self.shard.watermark());
        self.core.sessions.has_passed();
    }

    /// Offers a `ttl: 0` notification; how many sockets took it is told once the turn's bytes are written.
    pub(crate) fn deliver_now(&mut self, entry: &Arc<Entry>, as_of: Seq, taken: Taken) {
        self.shard.deliver_now(entry, as_of, self.now, &mut self.outputs);
        let sent = self.outputs.iter().filter_map(|output| match output {
            Output::Send { session, .. } => self.sessions.get(session).copied(),
            Output::Bound(..)
            | Output::Cursor { .. }
            | Output::User { .. }
            | Output::Probe { .. }
            | Output::Read { .. }
            | Output::Acknowledge { .. }
            | Output::Deadline(_)
            | Output::Close(..) => None,
        });
        let places = sent.filter_map(|slot| self.place(slot)).collect();
        self.settle();
        self.offered.push(Offered { places, taken });
    }

    /// Tells how many sockets took what was offered in this turn.
    pub(crate) fn tell_taken(&mut self) {
        for Offered { places, taken } in std::mem::take(&mut self.offered) {
            let connections = places.iter().filter_map(|place| self.connections.get(self.slot(*place)?));
            let count = connections.filter(|connection| connection.transport.is_drained()).count();
            // Who asked may have stopped waiting.
            let _: Result<(), _> = taken.try_send(count);
        }
    }

    /// Carries out what the shard has asked for: each session's part in its order.
    pub(crate) fn carry_out(&mut self) {
        let mut rendered = Rendered::default();
        let mut outputs = std::mem::take(&mut self.outputs);
        if outputs.len() > OUTPUTS_AT_ONCE {
            // In one piece each session's part is one write.
            outputs.sort_by_key(session_of);
        }
        for (index, output) in outputs.into_iter().enumerate() {
            if index > 0 && index.is_multiple_of(OUTPUTS_AT_ONCE) {
                self.flush_early();
            }
            let Some(slot) = self.sessions.get(&session_of(&output)).copied() else {
                // What a device has said before it went counts all the same.
                if let Output::Acknowledge { session, device, row } = output {
                    self.record(session, device, row);
                }
                continue;
            };
            let may_move_deadline = !is_passing(&output);
            self.carry_out_one(slot, output, &mut rendered);
            if may_move_deadline {
                self.touched.push(slot);
            }
        }
    }

    fn carry_out_one(&mut self, slot: usize, output: Output, rendered: &mut Rendered) {
        match output {
            Output::Bound(_, bound) => self.tell_bound(slot, &bound),
            Output::Send { entry, user, update, .. } => self.send(slot, &entry, user, update.as_deref(), rendered),
            Output::Cursor { lane, seq, .. } => {
                let cursor = CursorMoved { lane: render::wire_lane(lane), seq };
                self.write_element(slot, &cursor.to_element());
            }
            Output::User { user, .. } => {
                let changed = UserChanged { name: user.map(|name| name.to_string()) };
                self.write_element(slot, &changed.to_element());
            }
            Output::Probe { upto, .. } => {
                if let Some(to) = self.connections.get(slot).and_then(Connection::address) {
                    self.write_element(slot, &render::probe(upto, &to, &self.core.config.domain));
                }
            }
            Output::Read { session, query } => self.read_log(session, query),
            // Its timer is looked at with those of all that were touched.
            Output::Deadline(_) => {}
            Output::Acknowledge { session, device, row } => {
                self.record(session, device, row);
                self.put_off_if_crowded(slot);
            }
            Output::Close(session, CloseReason::Conflict) => self.end(session, EndReason::Conflict),
            Output::Close(session, CloseReason::Restart) => self.end(session, EndReason::Reset),
            Output::Close(session, CloseReason::Removed) => self.end(session, EndReason::NotAuthorized),
            Output::Close(_, CloseReason::Stalled) => {
                self.end_session(slot, SessionEnd::Stalled);
                self.violation(slot, "what was sent was not acknowledged in time".to_owned());
            }
        }
    }

    /// Writes an acknowledgement; when the store refuses it, the session is ended and the next login's list settles it.
    fn record(&self, session: SessionKey, device: DeviceId, row: Acknowledgement) {
        let name = Arc::clone(&self.name);
        self.core.log.post(vec![Write::Acknowledge { device, row }], move |result| {
            if !matches!(result.as_deref(), Ok([Written::Done | Written::Unchanged])) {
                // The log says once that a group was not written: a line for each would fill what is left of a disk.
                tracing::debug!(%device, ?result, "an acknowledgement was not written");
                name.send(session_manager::Command::End(session, EndReason::Reset));
            }
        });
    }

    /// Acknowledgements must not outrun the store: while much waits for it, the session's next are read later, and its window stays shut.
    fn put_off_if_crowded(&mut self, slot: usize) {
        if !self.core.log.is_crowded() {
            return;
        }
        let until_ms = self.now.mono_ms + CROWDED_MS;
        if let Some(state) = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut()) {
            state.pause(state.paused_until_ms().map_or(until_ms, |other| other.max(until_ms)));
            self.touched.push(slot);
        }
    }

    fn tell_bound(&mut self, slot: usize, bound: &longwire_router::Bound) {
        let told = push::Bound {
            device: bound.device.to_string(),
            cursor: push::Cursor {
                generation: push::Generation(bound.generation.0),
                normal: bound.effective.normal,
                background: bound.effective.background,
            },
            recorded_normal: bound.recorded.normal,
            recorded_background: bound.recorded.background,
            time: render::wire_time(self.now.wall),
            heartbeat_min_s: self.streams.heartbeat_min_s,
            heartbeat_max_s: self.streams.heartbeat_max_s,
            user: bound.user.as_ref().map(|user| user.to_string()),
        };
        self.bound(slot, Some(told));
    }

    fn send(
        &mut self,
        slot: usize,
        entry: &Entry,
        user: Option<Arc<str>>,
        update: Option<&Entry>,
        rendered: &mut Rendered,
    ) {
        let Some(connection) = self.connections.get(slot) else { return };
        let Some(state) = &connection.session else { return };
        let domain = &self.core.config.domain;
        if state.is_push {
            let make = |user: Option<&str>| render::push_stanza(entry, user, update, domain).map(Arc::from);
            let key = (entry.id, user, update.map(|update| update.id));
            let bytes = rendered.push.entry(key).or_insert_with_key(|(_, user, _)| make(user.as_deref())).clone();
            self.write(slot, &bytes.unwrap_or_default());
        } else if state.session.is_androidpn {
            let api_key = self.core.config.androidpn.as_ref().map_or("", |androidpn| androidpn.api_key.as_str());
            let update = update.and_then(|update| update.kind.content());
            let stanza = connection.address().and_then(|to| render::androidpn_stanza(entry, update, &to, api_key));
            if let Some(stanza) = stanza {
                self.write_element(slot, &stanza);
            }
        } else if let Some(to) = connection.stream.jid() {
            let stanza = rendered.standard.entry(entry.id).or_insert_with(|| render::standard_stanza(entry, domain));
            let bytes = stanza.as_ref().map(|stanza| stanza.addressed(to.as_str()));
            self.write(slot, &bytes.unwrap_or_default());
        }
        let metrics = &self.core.metrics;
        metrics.sent.inc();
        let age_ms = self.now.wall.millis_since(entry.created_at).max(0).unsigned_abs();
        metrics.send_seconds.observe(seconds(age_ms));
    }

    fn read_log(&mut self, session: SessionKey, query: longwire_store::LogQuery) {
        self.core.metrics.log_reads.inc();
        let store = Arc::clone(&self.core.store);
        let (lane, upto) = (query.lane, query.upto);
        self.host.spawn(Box::pin(async move {
            let result = store.read_log(query).await;
            Command::Page { session, lane, upto, result }
        }));
    }
}

/// Whether something is sent that is not in the log, and that nobody acknowledges.
fn is_passing(output: &Output) -> bool {
    matches!(output, Output::Send { entry, .. } if entry.seq == 0)
}

const fn session_of(output: &Output) -> SessionKey {
    match output {
        Output::Bound(session, _)
        | Output::Send { session, .. }
        | Output::Cursor { session, .. }
        | Output::User { session, .. }
        | Output::Probe { session, .. }
        | Output::Read { session, .. }
        | Output::Acknowledge { session, .. }
        | Output::Deadline(session)
        | Output::Close(session, _) => *session,
    }
}
