//! The server's connections and sessions: what the network's worker does between streams, shard and core.

use std::collections::VecDeque;
use std::sync::Arc;

use longwire_c2s::{
    Action, Answer, BindRefusal, BindRequest, Event, IssuedToken, RegisterRefusal, ResourceRequest, Stream, Token,
    Verifier,
};
use longwire_core::auth_manager::FastLogin;
use longwire_core::login::{LoginError, PushLogin, Ready};
use longwire_core::routing::Outcome;
use longwire_core::session_manager::{Command, EndReason, Session};
use longwire_core::{Core, CoreError, render};
use longwire_model::device::Generation;
use longwire_model::{Account, Cursor, EntryKind, GenerationId, LaneSeqs, Seq, Seqs};
use longwire_protocol::jid::FullJid;
use longwire_protocol::push::{self, SeqSet};
use longwire_protocol::sasl::scram;
use longwire_protocol::stream::{StreamCondition, StreamError};
use longwire_protocol::{Element, Jid};
use longwire_router::{Batch, Bind, CloseReason, Output, SessionKey, Shard, Stated};
use longwire_store::{Write, Written};

use crate::server::{Effect, Inbox, Server, stream};
use crate::{DOMAIN, Mutation};

/// A connection.
pub(crate) struct Conn {
    pub(crate) stream: Stream,
    held: Vec<u8>,
    pub(crate) session: Option<Box<Sess>>,
}

/// Its session, from the request to bind it.
pub(crate) struct Sess {
    pub(crate) session: Session,
    jid: Option<FullJid>,
    token: Option<IssuedToken>,
    heartbeat_s: Option<u32>,
    is_busy: bool,
    backlog: VecDeque<Element>,
}

/// Work for a connection that is done.
pub(crate) enum Done {
    Answer(Answer),
    LoggedIn(Result<Box<Ready>, LoginError>),
    Reloaded(Result<Box<Bind>, LoginError>),
    Handled(Outcome),
}

impl Conn {
    fn must_wait(&self) -> bool {
        self.stream.is_waiting() || self.session.as_ref().is_some_and(|session| session.is_busy)
    }

    fn is_paused(&self) -> bool {
        self.must_wait()
            || !self.held.is_empty()
            || self.session.as_ref().is_some_and(|session| !session.backlog.is_empty())
    }
}

impl Server {
    pub(crate) fn connected(&mut self, id: u64) {
        let stream = stream(&self.streams, self.core.env.random(), self.now.mono_ms);
        self.conns.insert(id, Conn { stream, held: Vec::new(), session: None });
    }

    /// The phone's side has gone.
    pub(crate) fn gone(&mut self, id: u64) {
        self.end_session(id);
        self.conns.remove(&id);
    }

    pub(crate) fn input(&mut self, id: u64, mut input: &[u8]) {
        self.note_heard(id);
        while !input.is_empty() {
            let Some(conn) = self.conns.get_mut(&id) else { return };
            if conn.is_paused() {
                conn.held.extend_from_slice(input);
                return;
            }
            let taken = conn.stream.handle_input(input, self.now.mono_ms, &mut self.out);
            input = &input[taken..];
            self.drain_outbox(id);
        }
    }

    pub(crate) fn due_ms(&self) -> Option<u64> {
        let due = |(_, conn): (&u64, &Conn)| {
            let stream = conn.stream.poll_timeout().map(|(due_ms, _)| due_ms);
            let key = conn.session.as_ref().map(|session| session.session.key);
            let pushes = key.and_then(|key| self.shard.poll_timeout(key, self.now));
            [stream, pushes].into_iter().flatten().min()
        };
        self.conns.iter().filter_map(due).min()
    }

    pub(crate) fn timeouts(&mut self) {
        let now_ms = self.now.mono_ms;
        let ids: Vec<u64> = self.conns.keys().copied().collect();
        for id in ids {
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            conn.stream.handle_timeout(now_ms, &mut self.out);
            self.drain_outbox(id);
            if let Some(key) = self.key(id)
                && self.shard.poll_timeout(key, self.now).is_some_and(|due_ms| due_ms <= now_ms)
            {
                self.shard.timeout(key, self.now, &mut self.outputs);
                self.carry_out();
            }
        }
    }

    fn key(&self, id: u64) -> Option<SessionKey> {
        Some(self.conns.get(&id)?.session.as_ref()?.session.key)
    }

    fn drain_outbox(&mut self, id: u64) {
        let mut out = std::mem::take(&mut self.out);
        self.write(id, std::mem::take(&mut out.bytes));
        for event in out.events.drain(..) {
            self.stream_event(id, event);
        }
        if out.action == Some(Action::Close) {
            self.end_session(id);
            if self.conns.remove(&id).is_some() {
                self.effects.push(Effect::Close(id));
            }
        }
        out.clear();
        self.out = out;
    }

    fn write(&mut self, id: u64, bytes: Vec<u8>) {
        if !bytes.is_empty() && self.conns.contains_key(&id) {
            self.effects.push(Effect::Bytes(id, bytes));
        }
    }

    fn write_element(&mut self, id: u64, element: &Element) {
        if self.conns.get(&id).is_some_and(|conn| conn.stream.is_bound()) {
            self.write(id, element.to_stream_bytes());
        }
    }

    fn close(&mut self, id: u64, error: &StreamError) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.stream.close(error, &mut self.out);
        self.drain_outbox(id);
    }

    fn stream_event(&mut self, id: u64, event: Event) {
        match event {
            Event::NeedVerifier { .. }
            | Event::NeedTokens { .. }
            | Event::CheckPassword { .. }
            | Event::Register { .. } => {
                let core = Arc::clone(&self.core);
                self.spawn(async move { Inbox::Done(id, Done::Answer(answer(&core, event).await)) });
            }
            Event::Bind(request) => self.log_in(id, *request),
            Event::Stanza(stanza) => self.queue_stanza(id, stanza),
            Event::Answer(answer) => self.write_element(id, &answer),
            Event::PushAck(ack) => self.acknowledge(id, &ack),
            Event::Heartbeat => {
                if let Some(key) = self.key(id) {
                    self.shard.heartbeat(key, self.now, &mut self.outputs);
                }
            }
            Event::LoginFailed { .. } => {}
            Event::Closed(_) => self.end_session(id),
        }
    }

    fn note_heard(&mut self, id: u64) {
        let Some(session) = self.conns.get(&id).and_then(|conn| conn.session.as_ref()) else { return };
        if let Some(device) = session.session.device {
            self.core.presence.heard(device, self.now.wall, session.heartbeat_s);
        }
    }

    fn log_in(&mut self, id: u64, request: BindRequest) {
        let core = Arc::clone(&self.core);
        let key = core.sessions.new_key();
        let heartbeat_s = request.push.as_ref().map(|push| push.heartbeat_s.unwrap_or(600).clamp(1, 600));
        let account = request.account.clone();
        let session = Session {
            key,
            worker: 0,
            account,
            resource: String::new(),
            device: None,
            presence: None,
            directed: Vec::new(),
        };
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.session = Some(Box::new(Sess {
            session,
            jid: None,
            token: None,
            heartbeat_s,
            is_busy: false,
            backlog: VecDeque::new(),
        }));
        self.sessions.insert(key, id);
        self.spawn(async move {
            let ready = log_in(&core, key, request, heartbeat_s).await;
            Inbox::Done(id, Done::LoggedIn(ready.map(Box::new)))
        });
    }

    pub(crate) fn handle_done(&mut self, id: u64, done: Done) {
        if !self.conns.contains_key(&id) {
            if let Done::LoggedIn(Ok(ready)) = done {
                self.core.log_out(&ready.session.account, ready.session.key);
            }
            return;
        }
        match done {
            Done::Answer(answer) => self.answer(id, answer),
            Done::LoggedIn(Ok(ready)) => self.logged_in(id, *ready),
            Done::LoggedIn(Err(error)) => {
                self.forget_session(id);
                self.answer(id, refusal(&error));
            }
            Done::Reloaded(Ok(bind)) => self.bind(id, *bind),
            Done::Reloaded(Err(_)) => self.close(id, &StreamCondition::Reset.into()),
            Done::Handled(outcome) => {
                if let Some(reply) = &outcome.reply {
                    self.write_element(id, reply);
                }
                if let Some(session) = self.conns.get_mut(&id).and_then(|conn| conn.session.as_mut()) {
                    session.is_busy = false;
                }
            }
        }
        self.go_on(id);
    }

    fn go_on(&mut self, id: u64) {
        loop {
            let Some(conn) = self.conns.get_mut(&id) else { return };
            if conn.must_wait() {
                return;
            }
            if let Some(stanza) = conn.session.as_mut().and_then(|session| session.backlog.pop_front()) {
                self.handle_stanza(id, stanza);
                continue;
            }
            if conn.held.is_empty() {
                return;
            }
            let held = std::mem::take(&mut conn.held);
            self.input(id, &held);
        }
    }

    fn answer(&mut self, id: u64, answer: Answer) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        conn.stream.handle_answer(answer, self.now.mono_ms, &mut self.out);
        self.drain_outbox(id);
    }

    fn logged_in(&mut self, id: u64, ready: Ready) {
        let Ready { session, bind, token } = ready;
        let jid = Jid::new(&format!("{}@{DOMAIN}/{}", session.account, session.resource)).expect("a JID");
        let own = self.conns.get_mut(&id).and_then(|conn| conn.session.as_mut());
        let Some(own) = own.filter(|own| own.session.key == session.key) else {
            self.core.log_out(&session.account, session.key);
            return;
        };
        own.session = session;
        own.jid = jid.try_into_full().ok();
        own.token =
            token.map(|token| IssuedToken { secret: token.secret, expires_at: render::wire_time(token.expires_at) });
        self.bind(id, bind.expect("phones use the push extension"));
    }

    fn bind(&mut self, id: u64, mut bind: Bind) {
        if self.mutation == Some(Mutation::GenerationEndDropped) {
            let endless = bind.generations.iter().map(|own| Generation { seq: Seq::MAX, ..*own });
            bind.generations = endless.collect();
        }
        let (key, kind, device, stated) = (bind.session, bind.kind, bind.loaded.device.id, bind.stated);
        if self.key(id) != Some(key) || self.shard.bind(bind, self.now, &mut self.outputs).is_ok() {
            return;
        }
        let core = Arc::clone(&self.core);
        self.spawn(
            async move { Inbox::Done(id, Done::Reloaded(core.bind(device, key, kind, stated).await.map(Box::new))) },
        );
    }

    fn bound(&mut self, id: u64, bound: &longwire_router::Bound) {
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
            heartbeat_max_s: 600,
            user: bound.user.as_ref().map(|user| user.to_string()),
        };
        let Some(own) = self.conns.get_mut(&id).and_then(|conn| conn.session.as_mut()) else { return };
        let (Some(jid), token) = (own.jid.clone(), own.token.take()) else { return };
        self.answer(id, Answer::Bound(Box::new(longwire_c2s::Session { jid, push: Some(told), token })));
    }

    fn acknowledge(&mut self, id: u64, ack: &push::Ack) {
        let Some(key) = self.key(id) else { return };
        let stored = union(ack.stored.as_ref(), ack.stored_background.as_ref());
        let stated = Stated { normal: ack.normal, background: ack.background, stored };
        if let Err(violation) = self.shard.acknowledge(key, &stated, self.now, &mut self.outputs) {
            self.faults.push(format!("an honest phone broke a rule: {violation}"));
            self.close(id, &StreamError::new(StreamCondition::PolicyViolation));
        }
    }

    fn queue_stanza(&mut self, id: u64, stanza: Element) {
        let Some(own) = self.conns.get_mut(&id).and_then(|conn| conn.session.as_mut()) else { return };
        if own.is_busy || !own.backlog.is_empty() {
            own.backlog.push_back(stanza);
        } else {
            self.handle_stanza(id, stanza);
        }
    }

    fn handle_stanza(&mut self, id: u64, stanza: Element) {
        let Some(own) = self.conns.get_mut(&id).and_then(|conn| conn.session.as_mut()) else { return };
        own.is_busy = true;
        let (session, core) = (own.session.clone(), Arc::clone(&self.core));
        self.spawn(async move { Inbox::Done(id, Done::Handled(core.handle_stanza(&session, stanza).await)) });
    }

    pub(crate) fn handle_core(&mut self, command: Command) {
        match command {
            Command::Announce(batch) => self.announce(&batch),
            Command::Now { entry, as_of, taken } => {
                self.shard.deliver_now(&entry, as_of, self.now, &mut self.outputs);
                let _: Result<(), _> = taken.try_send(self.outputs.len());
            }
            Command::Deliver(key, stanza) => {
                if let Some(id) = self.sessions.get(&key).copied() {
                    self.write_element(id, &stanza);
                }
            }
            Command::End(key, reason) => self.end(key, reason),
            Command::SentAt { devices, seq, answer } => {
                let sent = devices.iter().filter_map(|id| Some((*id, self.shard.sent_at(*id, seq)?))).collect();
                drop(answer.send(sent));
            }
        }
    }

    fn announce(&mut self, batch: &Batch) {
        let mut batch = batch.clone();
        if self.mutation == Some(Mutation::MembershipsNotApplied) {
            let without = batch.entries.iter().map(|entry| {
                let mut entry = longwire_model::Entry::clone(entry);
                if let EntryKind::Membership(change) = &mut entry.kind {
                    (change.joined, change.left) = (Vec::new(), Vec::new());
                }
                Arc::new(entry)
            });
            batch.entries = without.collect();
        }
        if let Err(gap) = self.shard.apply(&batch, self.now, &mut self.outputs) {
            self.faults.push(format!("a batch was missed: {gap}"));
            let end = batch.entries.last().map_or(batch.from, |entry| entry.seq);
            self.shard = Shard::new(self.core.log.app(), batch.generation, end);
        }
        self.carry_out();
        self.passed();
    }

    fn end(&mut self, key: SessionKey, reason: EndReason) {
        let Some(id) = self.sessions.get(&key).copied() else { return };
        let condition = match reason {
            EndReason::Conflict => StreamCondition::Conflict,
            EndReason::NotAuthorized => StreamCondition::NotAuthorized,
            EndReason::Reset => StreamCondition::Reset,
        };
        self.close(id, &condition.into());
    }

    fn end_session(&mut self, id: u64) {
        if let Some(own) = self.forget_session(id) {
            self.core.log_out(&own.session.account, own.session.key);
        }
    }

    fn forget_session(&mut self, id: u64) -> Option<Box<Sess>> {
        let own = self.conns.get_mut(&id)?.session.take()?;
        self.sessions.remove(&own.session.key);
        self.shard.unbind(own.session.key);
        Some(own)
    }

    /// Carries out what the shard asks for: each session's part in its order, sessions in the order of their keys.
    pub(crate) fn carry_out(&mut self) {
        while !self.outputs.is_empty() {
            let mut outputs = std::mem::take(&mut self.outputs);
            outputs.sort_by_key(session_of);
            if self.mutation == Some(Mutation::TenBeforeNine) {
                swap_first_sends(&mut outputs);
            }
            for output in outputs {
                self.carry_out_one(output);
            }
        }
    }

    fn carry_out_one(&mut self, output: Output) {
        let id = self.sessions.get(&session_of(&output)).copied();
        if let Output::Acknowledge { session, device, row } = output {
            let queue = Arc::clone(&self.queue);
            self.core.log.post(vec![Write::Acknowledge { device, row }], move |result| {
                if !matches!(result.as_deref(), Ok([Written::Done | Written::Unchanged])) {
                    let end = Inbox::Core(Command::End(session, EndReason::Reset));
                    queue.lock().expect("nothing panics with it").push_back(end);
                }
            });
            return;
        }
        let Some(id) = id else { return };
        match output {
            Output::Bound(_, bound) => self.bound(id, &bound),
            Output::Send { entry, user, .. } => {
                let device = self.conns.get(&id).and_then(|conn| conn.session.as_ref()?.session.device);
                if device.is_some_and(|device| !self.may_send(device, &entry)) {
                    self.faults
                        .push(format!("{} was sent after its audience was left and that was answered", entry.id));
                }
                let bytes = render::push_stanza(&entry, user.as_deref(), DOMAIN).unwrap_or_default();
                self.write(id, bytes);
            }
            Output::Cursor { lane, seq, .. } => {
                if self.mutation != Some(Mutation::CursorNotTold) {
                    self.write_element(id, &push::CursorMoved { lane: render::wire_lane(lane), seq }.to_element());
                }
            }
            Output::User { user, .. } => {
                let changed = push::UserChanged { name: user.map(|name| name.to_string()) };
                self.write_element(id, &changed.to_element());
            }
            Output::Read { session, query } => {
                let core = Arc::clone(&self.core);
                let (lane, upto) = (query.lane, query.upto);
                self.spawn(async move { Inbox::Page(session, lane, upto, core.store.read_log(query).await) });
            }
            Output::Close(session, CloseReason::Conflict) => self.end(session, EndReason::Conflict),
            Output::Close(session, CloseReason::Restart) => self.end(session, EndReason::Reset),
            Output::Close(session, CloseReason::Removed) => self.end(session, EndReason::NotAuthorized),
            Output::Close(_, CloseReason::Stalled) => self.close(id, &StreamCondition::PolicyViolation.into()),
            Output::Probe { .. } | Output::Acknowledge { .. } => {}
        }
    }
}

/// Of two neighbours to one session, the second goes first.
fn swap_first_sends(outputs: &mut [Output]) {
    let is_pair = |pair: &[Output]| {
        matches!(pair, [Output::Send { session: a, entry: x, .. }, Output::Send { session: b, entry: y, .. }]
            if a == b && x.kind.routing().map(|r| r.lane) == y.kind.routing().map(|r| r.lane))
    };
    if let Some(first) = outputs.windows(2).position(is_pair) {
        outputs.swap(first, first + 1);
    }
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
        | Output::Close(session, _) => *session,
    }
}

async fn answer(core: &Core, question: Event) -> Answer {
    let unavailable = Answer::Unavailable { retry_after_s: CoreError::RETRY_AFTER_S };
    match question {
        Event::NeedVerifier { account } => match core.auth.account(&account).await {
            Ok(account) => Answer::Verifier(account.map(|account| Verifier {
                verifier: scram::Verifier {
                    salt: account.salt,
                    iterations: account.iterations,
                    stored_key: account.stored_key,
                    server_key: account.server_key,
                },
                is_disabled: account.is_disabled,
            })),
            Err(_) => unavailable,
        },
        Event::NeedTokens { account, agent, mechanism } => {
            match core.auth.fast_tokens(&account, &agent, mechanism).await {
                Ok(tokens) => {
                    let tokens = tokens.into_iter().map(|(issue, secret)| Token { issue, secret }).collect();
                    Answer::Tokens { tokens, is_disabled: false }
                }
                Err(_) => unavailable,
            }
        }
        Event::Register { account, password } => register(core, account, &password).await,
        Event::CheckPassword { .. }
        | Event::Bind(_)
        | Event::Stanza(_)
        | Event::Answer(_)
        | Event::PushAck(_)
        | Event::LoginFailed { .. }
        | Event::Heartbeat
        | Event::Closed(_) => unavailable,
    }
}

/// The core derives verifiers on threads of its own, which would make a world's order a matter of chance: here it is done in place.
async fn register(core: &Core, name: String, password: &str) -> Answer {
    let salt = core.env.random::<16>();
    let verifier = scram::Verifier::derive(password, &salt, 4_096).expect("a made-up password");
    let account = Account {
        name,
        salt: verifier.salt,
        iterations: verifier.iterations,
        stored_key: verifier.stored_key,
        server_key: verifier.server_key,
        created_at: core.env.now(),
        is_disabled: false,
    };
    match core.log.write(Write::AddAccount(account)).await {
        Ok(Written::Done) => Answer::Registered(Ok(())),
        Ok(_) => Answer::Registered(Err(RegisterRefusal::Conflict)),
        Err(_) => Answer::Unavailable { retry_after_s: CoreError::RETRY_AFTER_S },
    }
}

async fn log_in(
    core: &Core,
    key: SessionKey,
    request: BindRequest,
    heartbeat_s: Option<u32>,
) -> Result<Ready, LoginError> {
    let (push, agent) = (request.push.expect("a push login"), request.agent.expect("a user agent"));
    let tag = match request.resource {
        ResourceRequest::Tag(tag) => Some(tag),
        ResourceRequest::Any | ResourceRequest::Named(_) => None,
    };
    let login = PushLogin {
        key,
        worker: 0,
        account: request.account,
        agent,
        tag,
        installation: push.installation,
        stated: push.cursor.map(|cursor| Cursor {
            generation: GenerationId(cursor.generation.0),
            seqs: LaneSeqs { normal: cursor.normal, background: cursor.background },
        }),
        heartbeat_s,
        mechanism: request.mechanism,
        fast: FastLogin { used: request.token_used, is_spent: request.token_is_spent, wanted: request.token_wanted },
    };
    core.log_in(login).await
}

fn refusal(error: &LoginError) -> Answer {
    match error {
        LoginError::TooMany => Answer::BindRefused(BindRefusal::ResourceConstraint),
        LoginError::NotAuthorized => Answer::BindRefused(BindRefusal::NotAuthorized),
        LoginError::Core(_) => Answer::Unavailable { retry_after_s: CoreError::RETRY_AFTER_S },
    }
}

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
