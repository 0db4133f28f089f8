//! Sessions: from the request to bind one to its end.

use std::sync::Arc;

use longwire_c2s::{Answer, BindRefusal, BindRequest, IssuedToken, ResourceRequest};
use longwire_core::auth_manager::{FastLogin, Issued};
use longwire_core::login::{LoginError, PushLogin, Ready};
use longwire_core::routing::Outcome;
use longwire_core::session_manager::{Command as CoreCommand, EndReason, Proven, Session};
use longwire_core::{Core, render};
use longwire_model::delivery::Progress;
use longwire_model::{Cursor, DeviceId, GenerationId, Lane, LaneSeqs, Rest, Seq, Seqs, SessionEnd};
use longwire_protocol::androidpn::Report;
use longwire_protocol::push::{self, SeqSet};
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::{Element, Jid};
use longwire_router::{Bind, SessionKey, Stated};
use longwire_store::Write;

use crate::connection::SessionState;
use crate::host::{Done, Host, Place};
use crate::questions::{note_failure, unavailable};
use crate::worker::Worker;

/// Bytes that a connection may owe its client before it is sent another session's stanzas no more.
const DELIVERED_BYTES_MAX: usize = 256 * 1024;

/// What a device's session leaves behind.
type Left = (DeviceId, Rest);

impl<H: Host> Worker<H> {
    /// The session in a slot.
    pub(crate) fn key(&self, slot: usize) -> Option<SessionKey> {
        Some(self.connections.get(slot)?.session.as_ref()?.session.key)
    }

    /// Asks for a session; from here on it can be ended from outside.
    pub(crate) fn log_in(&mut self, slot: usize, request: BindRequest) {
        let Some(place) = self.place(slot) else { return };
        if !self.enter_session(slot) {
            return;
        }
        let core = Arc::clone(&self.core);
        let key = core.sessions.new_key();
        let heartbeat_s = request.push.as_ref().map(|push| self.streams.promise_s(push.heartbeat_s));
        let session = Session {
            key,
            worker: self.index,
            account: request.account.as_str().into(),
            resource: "".into(),
            device: None,
            priority: None,
            is_androidpn: request.is_androidpn,
        };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let proven = connection.proven;
        let state = SessionState::new(session, request.push.is_some(), heartbeat_s);
        connection.session = Some(Box::new(state));
        self.sessions.insert(key, slot);
        let worker = self.index;
        self.start(place, async move {
            Done::LoggedIn(log_in(&core, (key, proven), worker, request, heartbeat_s).await.map(Box::new))
        });
    }

    pub(crate) fn handle_done(&mut self, place: Place, done: Done) {
        let Some(slot) = self.slot(place) else {
            // The client has gone meanwhile; what was listed for it is not listed any more.
            if let Done::LoggedIn(Ok(ready)) = done {
                self.core.log_out(&ready.session.account, ready.session.key, SessionEnd::Lost, None);
            }
            return;
        };
        match done {
            Done::Answer(answer) => self.answer(slot, answer),
            Done::LoggedIn(Ok(ready)) => self.logged_in(slot, *ready),
            Done::LoggedIn(Err(error)) => {
                self.forget_session(slot);
                let refused = refusal(&self.core, &error);
                self.answer(slot, refused);
            }
            Done::Reloaded(Ok(bind)) => self.bind(slot, *bind),
            Done::Reloaded(Err(error)) => {
                tracing::warn!(%error, "a device was not read again");
                self.close(slot, &StreamCondition::Reset.into());
            }
            Done::Handled(outcome, bind) => self.handled(slot, &outcome, bind),
        }
        self.go_on(slot);
    }

    fn answer(&mut self, slot: usize, answer: Answer) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.stream.handle_answer(answer, self.now.mono_ms, &mut self.out);
        self.drain_outbox(slot);
        self.touched.push(slot);
    }

    fn logged_in(&mut self, slot: usize, ready: Ready) {
        let Ready { session, bind, token } = ready;
        let domain = &self.core.config.domain;
        let jid = Jid::new(&format!("{}@{domain}/{}", session.account, session.resource));
        let jid = jid.ok().and_then(|jid| jid.try_into_full().ok());
        let state = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut());
        let state = state.filter(|state| state.session.key == session.key);
        let (Some(state), Some(jid)) = (state, jid) else {
            // It was ended while it was being made.
            self.core.log_out(&session.account, session.key, SessionEnd::Lost, None);
            return;
        };
        state.session = session;
        state.jid = Some(Box::new(jid));
        state.token = token.map(issued).map(Box::new);
        match bind {
            Some(bind) => self.bind(slot, bind),
            None => self.bound(slot, None),
        }
    }

    /// The session exists: the stream is told, and the session is counted.
    pub(crate) fn bound(&mut self, slot: usize, push: Option<push::Bound>) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let Some(state) = &mut connection.session else { return };
        let Some(jid) = state.jid.take().map(|jid| *jid) else { return };
        let token = state.token.take().map(|token| *token);
        state.is_bound = true;
        if std::mem::take(&mut connection.flags.is_counted) {
            self.host.leave(&connection.transport);
        }
        self.core.metrics.sessions.inc();
        self.answer(slot, Answer::Bound(Box::new(longwire_c2s::Session { jid, push, token })));
    }

    fn bind(&mut self, slot: usize, bind: Bind) {
        let (key, kind, device, stated) = (bind.session, bind.kind, bind.loaded.device.id, bind.stated);
        if self.key(slot) != Some(key) {
            return;
        }
        if self.shard.bind(bind, self.now, &mut self.outputs).is_ok() {
            return;
        }
        let Some(place) = self.place(slot) else { return };
        let core = Arc::clone(&self.core);
        self.start(place, async move { Done::Reloaded(core.bind(device, key, kind, stated).await.map(Box::new)) });
    }

    /// Something was received from a session.
    pub(crate) fn note_heard(&mut self, slot: usize) {
        let Some(state) = self.connections.get(slot).and_then(|connection| connection.session.as_ref()) else { return };
        let session = &state.session;
        if let Some(device) = session.device {
            self.core.presence.heard(device, self.now.wall, state.heartbeat_s);
        }
        if !state.is_push {
            self.shard.heard(session.key);
        }
        if session.is_androidpn {
            // Its space every half minute is a heartbeat that nobody promised: background entries go with it.
            self.shard.heartbeat(session.key, self.now, &mut self.outputs);
        }
    }

    /// A session promises another heartbeat from now on.
    pub(crate) fn promise(&mut self, slot: usize, heartbeat_s: u32) {
        let state = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut());
        let Some(state) = state else { return };
        state.heartbeat_s = Some(heartbeat_s);
        if let Some(device) = state.session.device {
            self.core.presence.promised(device, self.now.wall, heartbeat_s);
        }
    }

    pub(crate) fn acknowledge(&mut self, slot: usize, ack: &push::Ack) {
        let Some(key) = self.key(slot) else { return };
        let stored = union(ack.stored.as_ref(), ack.stored_background.as_ref());
        let stated = Stated { normal: ack.normal, background: ack.background, stored };
        self.acknowledged(slot, key, &stated);
    }

    fn acknowledged(&mut self, slot: usize, key: SessionKey, stated: &Stated) {
        if let Err(violation) = self.shard.acknowledge(key, stated, self.now, &mut self.outputs) {
            self.violation(slot, violation.to_string());
        }
    }

    /// Takes what an original client acknowledges, by the answer to a ping or the receipt of a fork, without waiting for what is being
    /// handled: the client may be gone by then. Whether it was that.
    pub(crate) fn take_receipt(&mut self, slot: usize, stanza: &Element) -> bool {
        let session = self.connections.get(slot).and_then(|connection| connection.session.as_ref());
        let Some(key) = session.filter(|state| state.session.is_androidpn).map(|state| state.session.key) else {
            return false;
        };
        if let Some(upto) = probed(stanza) {
            // One that was asked before the client went and came again is no violation.
            for lane in Lane::ALL {
                self.shard.confirm(key, lane, upto.get(lane), self.now, &mut self.outputs);
            }
            return true;
        }
        let Some(Ok(Report::Confirm(id))) = stanza.children().next().and_then(Report::read) else { return false };
        if let Ok(id) = id.trim().parse() {
            self.shard.confirm_id(key, id, self.now, &mut self.outputs);
        }
        true
    }

    /// Handles the next stanza of a session; later ones wait for it.
    pub(crate) fn handle_stanza(&mut self, slot: usize, stanza: Element) {
        let Some(place) = self.place(slot) else { return };
        let Some(state) = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut()) else {
            return;
        };
        let key = state.session.key;
        if let Some(upto) = probed(&stanza) {
            let stated = Stated { normal: Some(upto.normal), background: Some(upto.background), stored: None };
            self.acknowledged(slot, key, &stated);
            return;
        }
        let at_once = match self.core.handle_at_once(&state.session, stanza) {
            Ok(outcome) if state.is_push || !outcome.came_online => return self.handled(slot, &outcome, None),
            at_once => at_once,
        };
        state.is_busy = true;
        let session = state.session.clone();
        let core = Arc::clone(&self.core);
        let is_push = state.is_push;
        self.start(place, async move {
            let outcome = match at_once {
                Ok(outcome) => outcome,
                Err(stanza) => core.handle_in_time(&session, stanza).await,
            };
            let bind = if outcome.came_online && !is_push {
                Some(core.come_online(&session).await.map(Box::new))
            } else {
                None
            };
            Done::Handled(outcome, bind)
        });
    }

    fn handled(&mut self, slot: usize, outcome: &Outcome, bind: Option<Result<Box<Bind>, LoginError>>) {
        if let Some(reply) = &outcome.reply {
            self.write_element(slot, reply);
        }
        let Some(state) = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut()) else {
            return;
        };
        state.is_busy = false;
        let (key, is_push, is_androidpn) = (state.session.key, state.is_push, state.session.is_androidpn);
        if let Some(reason) = state.take_end() {
            return self.close(slot, &end_error(reason));
        }
        match bind {
            Some(Ok(_)) if self.shard.resume(key, self.now, &mut self.outputs) => {}
            Some(Ok(bind)) => {
                state.session.device = Some(bind.loaded.device.id);
                self.bind(slot, *bind);
            }
            Some(Err(error)) => tracing::warn!(session = key.0, %error, "a session does not get pushes"),
            None => {}
        }
        if outcome.went_offline && is_androidpn {
            // Its answers to what it was sent may be on their way.
            self.shard.pause(key);
        } else if outcome.went_offline && !is_push {
            self.unbind(key);
        }
    }

    pub(crate) fn handle_core(&mut self, command: CoreCommand) {
        match command {
            CoreCommand::Announce(batch) => self.announce(&batch),
            CoreCommand::Now { entry, as_of, taken } => self.deliver_now(&entry, as_of, taken),
            CoreCommand::Deliver(key, parcel) => self.deliver(key, &parcel.stanza),
            CoreCommand::End(key, reason) => self.end(key, reason),
            CoreCommand::Progress { devices, lane, seq, answer } => {
                let progress = devices.iter().filter_map(|id| Some((*id, self.progress(*id, lane, seq)?))).collect();
                // Who asked may have stopped waiting.
                drop(answer.send(progress));
            }
        }
    }

    /// Writes another session's stanza. What there is no room for goes back to whoever sent it: nobody ends another's session by a flood.
    fn deliver(&mut self, key: SessionKey, stanza: &Element) {
        let Some(slot) = self.sessions.get(&key).copied() else { return };
        if self.unsent(slot) > DELIVERED_BYTES_MAX {
            self.flush_one(slot);
        }
        if self.unsent(slot) > DELIVERED_BYTES_MAX {
            self.core.bounce(stanza);
        } else {
            self.write_element(slot, stanza);
        }
    }

    /// How far an entry has come on a device's session.
    fn progress(&self, device: DeviceId, lane: Lane, seq: Seq) -> Option<Progress> {
        let (key, progress) = self.shard.progress(device, lane, seq)?;
        let connection = self.sessions.get(&key).and_then(|slot| self.connections.get(*slot));
        let is_stuck = connection.is_some_and(|connection| connection.blocked_since_ms().is_some());
        Some(match progress {
            Progress::Written { at, hold, is_blocked } => {
                Progress::Written { at, hold, is_blocked: is_blocked || is_stuck }
            }
            Progress::Passed(_) | Progress::Unlisted | Progress::Waiting(_) => progress,
        })
    }

    /// Ends a session from outside; the answer to a stanza that led to this goes out first.
    pub(crate) fn end(&mut self, key: SessionKey, reason: EndReason) {
        let Some(slot) = self.sessions.get(&key).copied() else { return };
        let state = self.connections.get_mut(slot).and_then(|connection| connection.session.as_mut());
        match state {
            Some(state) if state.is_busy && reason == EndReason::NotAuthorized => state.end_after(reason),
            Some(_) => self.close(slot, &end_error(reason)),
            None => {}
        }
    }

    /// A session is over, however it ended; what it had not acknowledged stays in the log.
    pub(crate) fn end_session(&mut self, slot: usize, end: SessionEnd) {
        let Some((state, left)) = self.forget_session(slot) else { return };
        let core = &self.core;
        let (account, key) = (&state.session.account, state.session.key);
        if !state.is_push {
            let listed = core.sessions.of_account(account).into_iter().find(|listed| listed.key == key);
            if let Some(listed) = listed {
                core.end_presence(&listed);
            }
        }
        core.log_out(account, key, end, left);
        if state.is_bound {
            core.metrics.sessions.dec();
        }
    }

    fn forget_session(&mut self, slot: usize) -> Option<(Box<SessionState>, Option<Left>)> {
        let state = self.connections.get_mut(slot)?.session.take()?;
        self.sessions.remove(&state.session.key);
        let left = self.unbind(state.session.key);
        Some((state, left))
    }

    /// Takes a session out of the shard, notes its attempts, and gives what it leaves behind.
    fn unbind(&mut self, key: SessionKey) -> Option<Left> {
        let left = self.shard.unbind(key)?;
        if let Some(attempts) = left.attempts {
            let write = Write::Attempts { device: left.device, attempts: Some(attempts) };
            self.core.log.post(vec![write], move |result| {
                if let Err(error) = result {
                    tracing::warn!(device = %left.device, %error, "the attempts of a device were not written");
                }
            });
        }
        Some((left.device, left.rest))
    }
}

async fn log_in(
    core: &Core,
    (key, proven): (SessionKey, Proven),
    worker: usize,
    request: BindRequest,
    heartbeat_s: Option<u32>,
) -> Result<Ready, LoginError> {
    if let (true, ResourceRequest::Named(resource)) = (request.is_androidpn, &request.resource) {
        return core.log_in_androidpn(key, worker, request.account, resource.as_str().to_owned(), proven).await;
    }
    let fast = FastLogin { used: request.token_used, is_spent: request.token_is_spent, wanted: request.token_wanted };
    let (Some(push), Some(agent)) = (request.push, &request.agent) else {
        let token = core.follow_login(&request.account, request.agent.as_deref(), request.mechanism, fast).await?;
        let resource = match request.resource {
            ResourceRequest::Named(name) => Some(name.into_inner()),
            ResourceRequest::Any | ResourceRequest::Tag(_) => None,
        };
        let ready = core.log_in_standard(key, worker, request.account, resource, proven).await?;
        return Ok(Ready { token, ..ready });
    };
    let tag = match request.resource {
        ResourceRequest::Tag(tag) => Some(tag),
        ResourceRequest::Any | ResourceRequest::Named(_) => None,
    };
    let login = PushLogin {
        key,
        worker,
        account: request.account,
        agent: agent.clone(),
        tag,
        installation: push.installation,
        stated: push.cursor.map(|cursor| Cursor {
            generation: GenerationId(cursor.generation.0),
            seqs: LaneSeqs { normal: cursor.normal, background: cursor.background },
        }),
        heartbeat_s,
        mechanism: request.mechanism,
        fast,
        proven,
    };
    core.log_in(login).await
}

/// A FAST token as the stream hands it out.
pub(crate) fn issued(token: Issued) -> IssuedToken {
    IssuedToken { secret: token.secret, expires_at: render::wire_time(token.expires_at) }
}

pub(crate) fn refusal(core: &Core, error: &LoginError) -> Answer {
    match error {
        LoginError::TooMany => Answer::BindRefused(BindRefusal::ResourceConstraint),
        LoginError::NotAuthorized => Answer::BindRefused(BindRefusal::NotAuthorized),
        LoginError::Disabled => Answer::BindRefused(BindRefusal::AccountDisabled),
        LoginError::Core(error) => {
            note_failure(core, error, "a session was not made");
            unavailable()
        }
    }
}

/// Why a session ended whose stream was closed with `condition`, or by its client.
pub(crate) fn session_end(condition: Option<StreamCondition>) -> SessionEnd {
    const ENDS: [(StreamCondition, SessionEnd); 5] = [
        (StreamCondition::ConnectionTimeout, SessionEnd::Silent),
        (StreamCondition::Conflict, SessionEnd::Conflict),
        (StreamCondition::NotAuthorized, SessionEnd::NotAuthorized),
        (StreamCondition::Reset, SessionEnd::Reset),
        (StreamCondition::SystemShutdown, SessionEnd::Restart),
    ];
    let Some(condition) = condition else { return SessionEnd::Closed };
    ENDS.into_iter().find(|(own, _)| *own == condition).map_or(SessionEnd::Violation, |(_, end)| end)
}

/// The stream error of a session that is ended from outside.
fn end_error(reason: EndReason) -> StreamError {
    match reason {
        EndReason::Conflict => StreamCondition::Conflict.into(),
        EndReason::NotAuthorized => StreamError::new(StreamCondition::NotAuthorized)
            .with_text("the account or device was removed, disabled or changed"),
        EndReason::Reset => StreamCondition::Reset.into(),
    }
}

/// What an answer to a ping behind a push acknowledges.
fn probed(stanza: &Element) -> Option<LaneSeqs> {
    let is_answer = stanza.name() == "iq" && matches!(stanza.attr("type"), Some("result" | "error"));
    stanza.attr("id").filter(|_| is_answer).and_then(render::probed)
}

/// Positions are unique across lanes: both lists are one set.
fn union(normal: Option<&SeqSet>, background: Option<&SeqSet>) -> Option<Seqs> {
    let mut all = normal.or(background)?.clone();
    for range in background.into_iter().flat_map(SeqSet::ranges) {
        all.insert_range(*range.start(), *range.end());
    }
    let mut seqs = Seqs::default();
    for range in all.ranges() {
        seqs.push(*range.start(), *range.end());
    }
    Some(seqs)
}
