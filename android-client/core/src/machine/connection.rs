//! One connection after the other: connecting, the tasks of a login, endings and waits.

use std::collections::VecDeque;

use longwire_protocol::push::{HeartbeatChanged, SeqSet};
use longwire_protocol::sasl::HT_SHA_256_EXPR;
use longwire_protocol::stream::{self, StreamCondition, StreamError, StreamHeader};
use longwire_protocol::xep::sasl2::Success;
use longwire_protocol::{Element, Event as StreamEvent, Limits, Reader, ns};

use super::{Machine, seconds};
use crate::account::FastToken;
use crate::action::{Action, Actions};
use crate::backoff::{SETTLED_MS, UNPROVEN_RETRY_S_MAX, refused_ms};
use crate::clock::Anchor;
use crate::config::{AppKey, TlsMode};
use crate::event::Network;
use crate::heartbeat::{Beat, NetworkId};
use crate::inbox::Change;
use crate::journal::Then;
use crate::state::{Block, Failure, FailureKind, State, Why};
use crate::targets::SrvAnswer;
use crate::task::{Connect, Context, Ending, Login, Register, Task, Turn, Want};
use crate::wire::Features;

/// How long an attempt at a target may take from its start to *online*.
pub(super) const ATTEMPT_MS_MAX: u64 = 30_000;
/// How long TCP and TLS may take as long as there is another target.
pub(super) const REACH_MS_MAX: u64 = 10_000;
/// How long the DNS may take.
pub(super) const LOOK_UP_MS_MAX: u64 = 10_000;
/// So many refused passwords in a row block the device.
pub(super) const REFUSALS_MAX: u32 = 3;

/// A connection and the tasks that are left on it.
pub(super) struct Link {
    pub(super) number: u64,
    pub(super) reader: Reader,
    pub(super) tasks: VecDeque<Task>,
    started_ms: u64,
    pub(super) deadline_ms: u64,
    pub(super) online_since_ms: Option<u64>,
    /// Whether the login succeeded: entries may come.
    pub(super) is_bound: bool,
    /// What is stored of (recorded, effective], per lane.
    pub(super) restated: Option<(SeqSet, SeqSet)>,
    features: Option<Features>,
    exporter: Option<[u8; 32]>,
    /// Set between `<proceed/>` and TLS: not a byte may come.
    is_deaf: bool,
}

impl Link {
    fn new(number: u64, tasks: VecDeque<Task>, now_ms: u64, time_ms: u64) -> Self {
        Self {
            number,
            reader: Reader::new(Limits::BEFORE_LOGIN),
            tasks,
            started_ms: now_ms,
            deadline_ms: now_ms.saturating_add(time_ms),
            online_since_ms: None,
            is_bound: false,
            restated: None,
            features: None,
            exporter: None,
            is_deaf: false,
        }
    }

    /// Whether TLS does not stand yet: nothing is known of the server but where it should be.
    fn connect(&self) -> Option<&Connect> {
        match self.tasks.front() {
            Some(Task::Connect(task)) => Some(task),
            Some(Task::Register(_) | Task::Login(_)) | None => None,
        }
    }
}

impl Machine {
    /// Begins an attempt, if there is a network. A pause that was asked for is over, or the app has started the device anew.
    pub(super) fn connect(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if !self.is_wanted || self.link.is_some() {
            return;
        }
        if self.network == Network::None {
            return self.set_state(State::Waiting { until_ms: None, why: Why::Network }, actions);
        }
        if self.targets.has_next() {
            self.reach(None, now_ms, actions);
        } else if self.targets.is_stale(&self.config, now_ms) {
            self.look_up(now_ms, actions);
        } else {
            self.begin_round(now_ms, actions);
        }
    }

    fn look_up(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        self.open_link(Connect::Looking, LOOK_UP_MS_MAX, now_ms);
        let (domain, services) = (self.config.domain.to_string(), self.config.srv.clone());
        actions.push(Action::Resolve { domain, services });
        self.set_state(State::Connecting, actions);
    }

    /// The DNS answered, each service for itself.
    pub(super) fn resolved(&mut self, answers: Vec<(TlsMode, SrvAnswer)>, now_ms: u64, actions: &mut Actions<'_>) {
        if self.link.as_ref().and_then(Link::connect) != Some(&Connect::Looking) {
            return;
        }
        self.link = None;
        self.targets.resolved(answers, now_ms);
        self.begin_round(now_ms, actions);
    }

    fn begin_round(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        self.targets.begin_round(&self.config, &mut || actions.random_u64());
        self.reach(None, now_ms, actions);
    }

    /// Goes on to the next target of the round at once; with none left the round was the attempt that failed.
    fn reach(&mut self, why: Option<Why>, now_ms: u64, actions: &mut Actions<'_>) {
        let Some(target) = self.targets.next() else {
            let text = format!("{} says that it serves no clients", self.config.domain);
            let nowhere = || Why::Unreachable(Failure { kind: FailureKind::Resolve, text });
            return self.wait(why.unwrap_or_else(nowhere), now_ms, actions);
        };
        let time_ms = if self.targets.has_next() { REACH_MS_MAX } else { ATTEMPT_MS_MAX };
        self.open_link(Connect::Reaching, time_ms, now_ms);
        actions.push(Action::Connect(target));
        self.set_state(State::Connecting, actions);
    }

    fn open_link(&mut self, connect: Connect, time_ms: u64, now_ms: u64) {
        self.links += 1;
        let mut tasks = VecDeque::from([Task::Connect(connect)]);
        if !self.record.account.as_ref().is_some_and(|account| account.is_registered) {
            tasks.push_back(Task::Register(Register::default()));
        }
        tasks.push_back(Task::Login(Login::default()));
        self.link = Some(Link::new(self.links, tasks, now_ms, time_ms));
    }

    /// TCP stands, and TLS is to be asked for.
    pub(super) fn open_stream(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if self.link.as_ref().and_then(Link::connect) == Some(&Connect::Reaching) {
            self.write_header(now_ms, actions);
        }
    }

    fn write_header(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        let mut header = Vec::new();
        StreamHeader::client(self.config.domain.clone(), None).write_to(&mut header);
        self.write(header, now_ms, actions);
    }

    /// TLS stands: a new stream begins, and the next task with it, in one flight.
    pub(super) fn secured(&mut self, exporter: Option<[u8; 32]>, now_ms: u64, actions: &mut Actions<'_>) {
        let Some(link) = &mut self.link else { return };
        if link.connect().is_none_or(|task| *task == Connect::Looking) {
            return;
        }
        link.deadline_ms = link.started_ms.saturating_add(ATTEMPT_MS_MAX);
        link.reader = Reader::new(Limits::BEFORE_LOGIN);
        (link.features, link.exporter, link.is_deaf) = (None, exporter, false);
        self.write_header(now_ms, actions);
        self.next_task(now_ms, actions);
        actions.coalesce_writes();
    }

    pub(super) fn connect_failed(&mut self, failure: Failure, now_ms: u64, actions: &mut Actions<'_>) {
        let Some(link) = &self.link else { return };
        if link.connect().is_none() {
            // TLS 1.3 tells of a refused certificate behind the handshake, when something may have been asked already.
            self.drop_link(now_ms, actions);
        }
        self.link = None;
        self.reach(Some(Why::Unreachable(failure)), now_ms, actions);
    }

    pub(super) fn closed(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if self.link.is_some() {
            self.heartbeat.closed(now_ms);
            self.fail(Why::Lost, now_ms, actions);
        }
    }

    pub(super) fn account_stored(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        self.has_durable_account = true;
        self.run_task(now_ms, actions, Task::stored);
    }

    /// Reads what one read of the socket brought.
    pub(super) fn read(&mut self, bytes: &[u8], now_ms: u64, actions: &mut Actions<'_>) {
        self.heartbeat.received(bytes, now_ms);
        let mut input = bytes;
        while let Some(link) = &mut self.link {
            if link.is_deaf {
                return self.end(Ending::protocol("bytes between <proceed/> and TLS"), now_ms, actions);
            }
            match link.reader.read(&mut input) {
                Ok(Some(event)) => self.stream_event(event, now_ms, actions),
                Ok(None) => break,
                Err(error) => self.end(Ending::protocol(error.to_string()), now_ms, actions),
            }
            if input.is_empty() {
                break;
            }
        }
        self.flush_batch();
        self.promise_anew(now_ms, actions);
    }

    fn stream_event(&mut self, event: StreamEvent, now_ms: u64, actions: &mut Actions<'_>) {
        match event {
            StreamEvent::Open(header) if header.is_xmpp_1() => {}
            StreamEvent::Open(_) => self.end(Ending::protocol("a stream before XMPP 1.0"), now_ms, actions),
            StreamEvent::Whitespace(_) => {}
            StreamEvent::Close => {
                actions.push(Action::Write(stream::CLOSE.to_vec()));
                self.end(Ending::Wait(Why::Lost), now_ms, actions);
            }
            StreamEvent::Element(element) if element.is(ns::STREAMS, "error") => {
                let is_proven = self.link.as_ref().is_some_and(|link| link.connect().is_none());
                self.end(stream_error(&element, is_proven), now_ms, actions);
            }
            StreamEvent::Element(element) if element.is(ns::STREAMS, "features") => {
                let Some(link) = &mut self.link else { return };
                if link.features.is_none() {
                    link.features = Some(Features::read(&element));
                    self.run_task(now_ms, actions, Task::features);
                }
            }
            StreamEvent::Element(element) if self.link.as_ref().is_some_and(|link| link.is_bound) => {
                self.session_element(element, now_ms, actions);
            }
            StreamEvent::Element(element) => self.run_task(now_ms, actions, |task, cx| task.element(&element, cx)),
        }
    }

    fn next_task(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        let Some(link) = &mut self.link else { return };
        link.tasks.pop_front();
        let state = match link.tasks.front() {
            Some(Task::Connect(_)) => State::Connecting,
            Some(Task::Register(_)) => State::Registering,
            Some(Task::Login(_)) => State::LoggingIn,
            None => return,
        };
        self.set_state(state, actions);
        self.run_task(now_ms, actions, Task::start);
    }

    /// Lets the task at the head of the queue take its turn, and does what it wants.
    fn run_task(&mut self, now_ms: u64, actions: &mut Actions<'_>, turn: impl FnOnce(&mut Task, &Context<'_>) -> Turn) {
        let Some(link) = &mut self.link else { return };
        let Some(task) = link.tasks.front_mut() else { return };
        let cx = Context {
            config: &self.config,
            record: &self.record,
            has_durable_account: self.has_durable_account,
            features: link.features.as_ref(),
            exporter: link.exporter,
            heartbeat_s: seconds(self.heartbeat.promise()),
            random: actions.random_bytes(),
        };
        let Turn { write, wants } = turn(task, &cx);
        if !write.is_empty() {
            self.write(write, now_ms, actions);
        }
        for want in wants {
            self.want(want, now_ms, actions);
        }
    }

    fn want(&mut self, want: Want, now_ms: u64, actions: &mut Actions<'_>) {
        match want {
            Want::StartTls => {
                if let Some(link) = &mut self.link {
                    link.is_deaf = true;
                }
                actions.push(Action::StartTls);
            }
            Want::StoreAccount(account) => {
                self.has_durable_account = false;
                self.change(Change::Account(Some(account)));
                self.journal.then(Then::Register);
            }
            Want::Registered => self.change(Change::Registered),
            Want::ForgetToken => self.change(Change::ForgetToken),
            Want::Accepted if self.record.refusals == 0 => {}
            Want::Accepted => self.change(Change::Refusals(0)),
            Want::LoggedIn(success) => self.logged_in(&success, now_ms, actions),
            Want::Finish => self.next_task(now_ms, actions),
            Want::End(ending) => self.end(ending, now_ms, actions),
        }
    }

    /// Records a change in memory and for the store.
    pub(super) fn change(&mut self, change: Change) {
        self.record.apply(&change);
        self.journal.add(change);
    }

    /// The server accepted: its cursors are stored before any entry is handled (DESIGN §5).
    fn logged_in(&mut self, success: &Success, now_ms: u64, actions: &mut Actions<'_>) {
        let bound = match success.bound().map(|bound| bound.push()) {
            Some(Ok(Some(bound))) => bound,
            Some(Err(error)) => return self.end(Ending::protocol(error.to_string()), now_ms, actions),
            Some(Ok(None)) | None => {
                return self.end(Ending::protocol("the server has no urn:longwire:push:1"), now_ms, actions);
            }
        };
        let jid = success.authorization_identifier.to_string();
        let Some(link) = &mut self.link else { return };
        link.is_bound = true;
        link.reader.set_limits(Limits::AFTER_LOGIN);
        self.clock.set(bound.time.unix_ms(), now_ms);
        let token = success.token().map(|token| FastToken {
            token: token.token,
            mechanism: HT_SHA_256_EXPR.to_owned(),
            expires_ms: token.expiry.unix_ms(),
        });
        let boot_id = self.config.boot_id.clone();
        let anchor = Anchor { server_ms: bound.time.unix_ms(), boot_ms: now_ms, boot_id };
        let connection = link.number;
        self.cursor_of_link = connection;
        self.change(Change::Bound { bound: bound.clone(), token, anchor });
        self.change(Change::User(bound.user.clone()));
        self.heartbeat.confirm(now_ms);
        self.keep_learned();
        self.journal.then(Then::GoOnline { connection, bound, jid });
    }

    pub(super) fn took_too_long(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if self.link.as_ref().and_then(Link::connect) == Some(&Connect::Looking) {
            actions.push(Action::Close);
            let failed = self.config.srv.iter().map(|service| (*service, SrvAnswer::Failed)).collect();
            return self.resolved(failed, now_ms, actions);
        }
        self.fail(Why::TimedOut, now_ms, actions);
    }

    /// The connection ends, and what follows is decided.
    pub(super) fn end(&mut self, ending: Ending, now_ms: u64, actions: &mut Actions<'_>) {
        match ending {
            Ending::Wait(why) => self.fail(why, now_ms, actions),
            Ending::Fault(why) => {
                if let Some(link) = &mut self.link {
                    link.online_since_ms = None;
                }
                self.fail(why, now_ms, actions);
            }
            Ending::Retry(why, after_s) => {
                self.targets.finish_round();
                self.drop_link(now_ms, actions);
                let wait_ms = self.backoff.retry_ms(after_s, actions.random_u64());
                self.pause(wait_ms, why, now_ms, actions);
            }
            Ending::Conflict => {
                self.drop_link(now_ms, actions);
                let mut conflicts = self.record.conflicts;
                let after = conflicts.note(self.clock.at(now_ms));
                self.change(Change::Conflicts(conflicts));
                if after.is_clone {
                    self.renew_installation(actions);
                }
                self.pause(after.wait_ms, Why::Conflict { is_clone: after.is_clone }, now_ms, actions);
            }
            Ending::Unauthorized => self.unauthorized(now_ms, actions),
            Ending::Blocked(block) => {
                self.drop_link(now_ms, actions);
                self.wait_blocked(block.passes(), now_ms, actions);
                self.set_state(State::Blocked(block), actions);
            }
        }
    }

    /// 401: the account is cleared, the installation is not, so that the next account takes the device over.
    fn unauthorized(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        self.change(Change::Account(None));
        let refusals = self.record.refusals.saturating_add(1);
        self.change(Change::Refusals(refusals));
        if refusals >= REFUSALS_MAX {
            self.end(Ending::Blocked(Block::Unauthorized), now_ms, actions);
        } else {
            self.wait(Why::Unauthorized, now_ms, actions);
        }
    }

    /// A connection came to nothing. Before TLS the next target's turn has come, at once; behind it, after a wait.
    fn fail(&mut self, why: Why, now_ms: u64, actions: &mut Actions<'_>) {
        let is_reaching = self.link.as_ref().is_some_and(|link| link.connect().is_some());
        if is_reaching && self.targets.has_next() {
            self.drop_link(now_ms, actions);
            return self.reach(Some(why), now_ms, actions);
        }
        self.wait(why, now_ms, actions);
    }

    /// Waits by the backoff, or until there is a network.
    pub(super) fn wait(&mut self, why: Why, now_ms: u64, actions: &mut Actions<'_>) {
        self.drop_link(now_ms, actions);
        let wait_ms = self.backoff.next_ms(actions.random_u64());
        self.wait_until(now_ms.saturating_add(wait_ms), why, actions);
    }

    /// Waits for as long as the server asked, whatever the network does meanwhile.
    fn pause(&mut self, wait_ms: u64, why: Why, now_ms: u64, actions: &mut Actions<'_>) {
        self.pause = (now_ms.saturating_add(wait_ms), why.clone());
        self.wait_until(self.pause.0, why, actions);
    }

    fn wait_until(&mut self, until_ms: u64, why: Why, actions: &mut Actions<'_>) {
        let state = match self.network {
            Network::None => State::Waiting { until_ms: None, why: Why::Network },
            Network::Usable | Network::Known(_) => State::Waiting { until_ms: Some(until_ms), why },
        };
        self.set_state(state, actions);
    }

    fn drop_link(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        let Some(link) = self.link.take() else { return };
        actions.push(Action::Close);
        self.heartbeat.end();
        if link.online_since_ms.is_some_and(|since| now_ms.saturating_sub(since) >= SETTLED_MS) {
            self.backoff.settle();
        }
        self.batch = crate::batch::Batch::default();
        self.reports.session_ended();
        self.requests.session_ended();
    }

    /// A wait is over.
    pub(super) fn try_again(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if matches!(self.state, State::Blocked(_)) {
            self.wait_blocked(true, now_ms, actions); // should the store not answer
        }
        self.load_or_connect(now_ms, actions);
        if let State::Waiting { until_ms, .. } = &mut self.state {
            *until_ms = None; // the store answers, or nothing does
        }
    }

    /// Sets when a blocked device tries once more.
    fn wait_blocked(&mut self, passes: bool, now_ms: u64, actions: &mut Actions<'_>) {
        let wait_ms = refused_ms(actions.random_u64());
        self.blocked_until_ms = passes.then(|| now_ms.saturating_add(wait_ms));
    }

    /// The app's key is another one now.
    pub(super) fn set_app_key(&mut self, key: Option<AppKey>, now_ms: u64, actions: &mut Actions<'_>) {
        self.config.app_key = key;
        if matches!(&self.state, State::Blocked(block) if block.passes()) {
            self.try_again(now_ms, actions);
        }
    }

    /// The platform speaks of the network: a change replaces the wait, and probes a live session.
    pub(super) fn network(&mut self, network: Network, now_ms: u64, actions: &mut Actions<'_>) {
        self.network = network;
        self.targets.renew();
        match network {
            Network::None => {}
            Network::Usable => self.heartbeat.enter(NetworkId::UNNAMED),
            Network::Known(id) => self.heartbeat.enter(id),
        }
        if !matches!(self.state, State::Online(_)) {
            self.heartbeat.absolve();
        }
        match (network, &self.state) {
            (_, State::Idle | State::Blocked(_)) => {}
            (Network::None, _) => {
                self.drop_link(now_ms, actions);
                self.set_state(State::Waiting { until_ms: None, why: Why::Network }, actions);
            }
            (Network::Usable | Network::Known(_), State::Online(_)) => {
                let beat = self.heartbeat.probe(now_ms);
                self.carry_out(beat, now_ms, actions);
            }
            (Network::Usable | Network::Known(_), State::Waiting { .. }) if self.pause.0 > now_ms => {
                self.backoff.restart();
                let (until_ms, why) = self.pause.clone();
                self.wait_until(until_ms, why, actions);
            }
            (Network::Usable | Network::Known(_), _) => {
                self.backoff.restart();
                self.drop_link(now_ms, actions);
                self.try_again(now_ms, actions);
            }
        }
    }

    /// Tells the server of an interval that has changed within the session: a longer one before its silence begins.
    pub(super) fn promise_anew(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if !matches!(self.state, State::Online(_)) {
            return;
        }
        if let Some(interval_ms) = self.heartbeat.promise_anew() {
            let changed = HeartbeatChanged { seconds: seconds(interval_ms) };
            self.write_element(&changed.to_element(), now_ms, actions);
        }
        self.keep_learned();
    }

    pub(super) fn beat(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        let beat = self.heartbeat.handle_timeout(now_ms);
        self.carry_out(beat, now_ms, actions);
    }

    fn carry_out(&mut self, beat: Beat, now_ms: u64, actions: &mut Actions<'_>) {
        match beat {
            Beat::Nothing => {}
            Beat::Send => actions.push(Action::Write(vec![longwire_protocol::push::HEARTBEAT])),
            Beat::Lost => self.end(Ending::Wait(Why::Silent), now_ms, actions),
        }
    }

    pub(super) fn stop(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        self.is_wanted = false;
        if self.link.as_ref().is_some_and(|link| link.is_bound) {
            actions.push(Action::Write(stream::CLOSE.to_vec()));
        }
        self.drop_link(now_ms, actions);
        self.set_state(State::Idle, actions);
    }

    pub(super) fn write(&mut self, bytes: Vec<u8>, now_ms: u64, actions: &mut Actions<'_>) {
        self.heartbeat.sent(now_ms);
        actions.push(Action::Write(bytes));
    }

    pub(super) fn write_element(&mut self, element: &Element, now_ms: u64, actions: &mut Actions<'_>) {
        self.write(element.to_stream_bytes(), now_ms, actions);
    }
}

/// What a stream error asks for. A `see-other-host` is not followed: nobody may send a phone elsewhere (CLI-02). Before TLS the server is
/// not proven to be one: whoever is on the way may end the attempt, and neither silence the phone nor make it another installation.
fn stream_error(element: &Element, is_proven: bool) -> Ending {
    let error = match StreamError::from_element(element) {
        Ok(error) => error,
        Err(error) => return Ending::protocol(error.to_string()),
    };
    if error.condition == StreamCondition::Conflict && is_proven {
        return Ending::Conflict;
    }
    let why = Why::Server { condition: error.condition.name().to_owned(), text: error.text };
    match error.retry_after {
        Some(after_s) => Ending::Retry(why, if is_proven { after_s } else { after_s.min(UNPROVEN_RETRY_S_MAX) }),
        None if is_servers_own(error.condition) => Ending::Wait(why),
        None => Ending::Fault(why),
    }
}

/// Whether the server ends streams so for reasons of its own; else it minds what this device does, or fails over it, and the next
/// session may end the same way.
const fn is_servers_own(condition: StreamCondition) -> bool {
    use StreamCondition as C;
    match condition {
        C::ConnectionTimeout
        | C::Conflict
        | C::RemoteConnectionFailed
        | C::Reset
        | C::SeeOtherHost
        | C::SystemShutdown => true,
        C::BadFormat
        | C::BadNamespacePrefix
        | C::HostGone
        | C::HostUnknown
        | C::ImproperAddressing
        | C::InternalServerError
        | C::InvalidFrom
        | C::InvalidNamespace
        | C::InvalidXml
        | C::NotAuthorized
        | C::NotWellFormed
        | C::PolicyViolation
        | C::ResourceConstraint
        | C::RestrictedXml
        | C::UndefinedCondition
        | C::UnsupportedEncoding
        | C::UnsupportedFeature
        | C::UnsupportedStanzaType
        | C::UnsupportedVersion => false,
    }
}
