//! The state machine of a device (DESIGN §6): events, bytes and time in, actions out.

mod connection;
mod online;
mod rows;

use std::collections::{HashSet, VecDeque};

use longwire_protocol::DateTime;

use crate::account::{Installation, Record};
use crate::action::{Action, Actions};
use crate::backoff::Backoff;
use crate::batch::Batch;
use crate::clock::ServerClock;
use crate::config::Config;
use crate::event::{Event, Network};
use crate::heartbeat::{Heartbeat, Interval};
use crate::inbox::{Change, Outcome, Row, Snapshot, StoreError, Verb};
use crate::journal::{Journal, Then};
use crate::machine::connection::{Link, REFUSALS_MAX};
use crate::machine::rows::Manner;
use crate::reports::Reports;
use crate::requests::Requests;
use crate::state::{State, Why};
use crate::targets::Targets;

/// Why the machine wants to be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// A wait ends.
    Wait,
    /// A connection attempt takes too long.
    Attempt,
    /// A heartbeat is due, or its answer.
    Heartbeat,
    /// What the server could not take is told again.
    Report,
}

/// A device.
pub struct Machine {
    config: Config,
    state: State,
    network: Network,
    record: Record,
    is_loaded: bool,
    is_loading: bool,
    was_loaded: bool,
    is_wanted: bool,
    /// Whether the account in memory is on disk too: the server hears of no other.
    has_durable_account: bool,
    /// The connection whose login gave the cursor in memory.
    cursor_of_link: u64,
    journal: Journal,
    clock: ServerClock,
    /// Where to connect next.
    targets: Targets,
    backoff: Backoff,
    /// Until when nothing is attempted because the server said so, and why.
    pause: (u64, Why),
    /// When a device that is blocked tries once more; none when only a person can help.
    blocked_until_ms: Option<u64>,
    heartbeat: Heartbeat,
    link: Option<Link>,
    links: u64,
    batch: Batch,
    /// Rows of a user, never handed, and such updates, that wait for a login to say whose device this is.
    held: Vec<Row>,
    /// Rows whose payload is to be parsed, the first of them as soon as it is noted.
    parsing: VecDeque<(Row, Manner)>,
    /// What this process handed over and the app is not done with.
    handed: HashSet<String>,
    reports: Reports,
    requests: Requests,
    pruned_ms: Option<u64>,
}

impl Machine {
    /// A device that is not started; the network counts as usable until the driver says otherwise.
    #[must_use]
    pub fn new(config: Config, interval: Box<dyn Interval>) -> Self {
        Self {
            config,
            state: State::Idle,
            network: Network::Usable,
            record: Record::default(),
            is_loaded: false,
            is_loading: false,
            was_loaded: false,
            is_wanted: false,
            has_durable_account: false,
            cursor_of_link: 0,
            journal: Journal::default(),
            clock: ServerClock::default(),
            targets: Targets::default(),
            backoff: Backoff::default(),
            pause: (0, Why::Network),
            blocked_until_ms: None,
            heartbeat: Heartbeat::new(interval),
            link: None,
            links: 0,
            batch: Batch::default(),
            held: Vec::new(),
            parsing: VecDeque::new(),
            handed: HashSet::new(),
            reports: Reports::default(),
            requests: Requests::default(),
            pruned_ms: None,
        }
    }

    /// Where the device stands.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// The longest silence that it promises, in seconds.
    #[must_use]
    pub fn heartbeat_s(&self) -> u32 {
        seconds(self.heartbeat.interval_ms())
    }

    /// Server time in Unix milliseconds, as far as it is known.
    #[must_use]
    pub fn server_time_ms(&self, now_ms: u64) -> u64 {
        self.clock.at(now_ms)
    }

    /// Whether an attempt or a heartbeat awaits its outcome: a phone that was woken for it stays awake until then.
    #[must_use]
    pub const fn is_awaiting(&self) -> bool {
        match self.state {
            State::Connecting | State::Registering | State::LoggingIn => true,
            State::Online(_) => self.heartbeat.is_awaiting(),
            State::Idle | State::Waiting { .. } | State::Blocked(_) => false,
        }
    }

    /// Takes what happened at `now_ms`.
    pub fn handle_event(&mut self, event: Event, now_ms: u64, actions: &mut Actions<'_>) {
        match event {
            Event::Start => self.start(now_ms, actions),
            Event::Stop => self.stop(now_ms, actions),
            Event::Loaded(answer) => self.loaded(answer, now_ms, actions),
            Event::Stored(answer) => self.stored(answer, now_ms, actions),
            Event::Noted => self.noted(now_ms, actions),
            Event::Resolved(answers) => self.resolved(answers, now_ms, actions),
            Event::Connected => self.open_stream(now_ms, actions),
            Event::Secured { exporter } => self.secured(exporter, now_ms, actions),
            Event::ConnectFailed(failure) => self.connect_failed(failure, now_ms, actions),
            Event::Closed => self.closed(now_ms, actions),
            Event::AppKey(key) => self.set_app_key(key, now_ms, actions),
            Event::Network(network) => self.network(network, now_ms, actions),
            said @ (Event::Finished { .. }
            | Event::Updated { .. }
            | Event::Removed { .. }
            | Event::Displayed { .. }
            | Event::Opened { .. }
            | Event::Dismissed { .. }
            | Event::Acted { .. }) => {
                said.said(DateTime(self.clock.at(now_ms))).into_iter().for_each(|change| self.journal.add(change));
            }
            Event::Request { number, request } => self.request(number, request, now_ms, actions),
            Event::Withdrawn { number } => self.requests.withdraw(number),
        }
        self.journal.flush(self.clock.at(now_ms), actions);
    }

    /// Takes bytes that were received at `now_ms`; all of one read in one call.
    pub fn handle_input(&mut self, bytes: &[u8], now_ms: u64, actions: &mut Actions<'_>) {
        self.read(bytes, now_ms, actions);
        self.journal.flush(self.clock.at(now_ms), actions);
    }

    /// Does what is due at `now_ms`; a call too early does nothing.
    pub fn handle_timeout(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        match self.poll_timeout() {
            Some((due_ms, Reason::Wait)) if due_ms <= now_ms => self.try_again(now_ms, actions),
            Some((due_ms, Reason::Attempt)) if due_ms <= now_ms => self.took_too_long(now_ms, actions),
            Some((due_ms, Reason::Heartbeat)) if due_ms <= now_ms => self.beat(now_ms, actions),
            Some((due_ms, Reason::Report)) if due_ms <= now_ms => self.tell_again(now_ms, actions),
            Some((_, Reason::Wait | Reason::Attempt | Reason::Heartbeat | Reason::Report)) | None => {}
        }
        self.journal.flush(self.clock.at(now_ms), actions);
    }

    /// When [`Self::handle_timeout`] wants to be called next, and why.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(u64, Reason)> {
        match &self.state {
            State::Waiting { until_ms, .. } => until_ms.map(|until| (until, Reason::Wait)),
            State::Connecting | State::Registering | State::LoggingIn => {
                self.link.as_ref().map(|link| (link.deadline_ms, Reason::Attempt))
            }
            State::Online(_) => {
                let report = self.reports.due_ms().map(|due_ms| (due_ms, Reason::Report));
                report
                    .into_iter()
                    .chain([(self.heartbeat.due_ms(), Reason::Heartbeat)])
                    .min_by_key(|(due_ms, _)| *due_ms)
            }
            State::Blocked(_) => self.blocked_until_ms.map(|until| (until, Reason::Wait)),
            State::Idle => None,
        }
    }

    fn start(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        self.is_wanted = true;
        match self.state {
            State::Idle => {
                self.admit_an_attempt();
                self.load_or_connect(now_ms, actions);
            }
            State::Blocked(_) => {
                // Somebody asks for another try.
                self.change(Change::Refusals(0));
                self.load_or_connect(now_ms, actions);
            }
            State::Waiting { .. } | State::Connecting | State::Registering | State::LoggingIn | State::Online(_) => {}
        }
    }

    /// A start is somebody's wish, so a device that was blocked tries again, but once: another refusal blocks it again.
    fn admit_an_attempt(&mut self) {
        self.record.refusals = self.record.refusals.min(REFUSALS_MAX - 1);
    }

    /// Connects, once the store was read.
    fn load_or_connect(&mut self, now_ms: u64, actions: &mut Actions<'_>) {
        if self.is_loaded {
            self.connect(now_ms, actions);
        } else if !std::mem::replace(&mut self.is_loading, true) {
            actions.push(Action::Load);
        }
    }

    fn loaded(&mut self, answer: Result<Box<Snapshot>, StoreError>, now_ms: u64, actions: &mut Actions<'_>) {
        self.is_loading = false;
        let snapshot = match answer {
            Ok(snapshot) => *snapshot,
            Err(error) => return self.wait_for_storage(&error, now_ms, actions),
        };
        self.is_loaded = true;
        self.journal.resume();
        // A later reading in the same process finds a note of its own, nobody died; and it knows more than the disk that failed.
        let is_first = !std::mem::replace(&mut self.was_loaded, true);
        let counts = (self.record.conflicts, self.record.refusals);
        self.record = snapshot.record;
        let Record { anchor, known_ms, .. } = &self.record;
        self.clock = ServerClock::restore(anchor.as_ref(), *known_ms, &self.config.boot_id, now_ms);
        if is_first {
            self.admit_an_attempt();
        } else {
            (self.record.conflicts, self.record.refusals) = counts;
        }
        self.has_durable_account = self.record.account.is_some();
        self.reports.load(snapshot.reports);
        if is_first {
            self.heartbeat.restore(snapshot.networks);
        }
        if let Some(id) = snapshot.noted.filter(|_| is_first) {
            self.journal.add(Change::Row(id, Verb::Died));
            actions.push(Action::Note(None));
        }
        self.hand_again(snapshot.rows, now_ms, actions);
        if self.record.installation.is_some() {
            return self.connect(now_ms, actions);
        }
        self.renew_installation(actions);
        self.journal.then(Then::Connect);
    }

    fn renew_installation(&mut self, actions: &mut Actions<'_>) {
        let installation = Installation::from_random(actions.random_bytes(), actions.random_bytes());
        let change = Change::Installation(installation);
        self.record.apply(&change);
        self.journal.add(change);
    }

    fn stored(&mut self, answer: Result<Vec<Outcome>, StoreError>, now_ms: u64, actions: &mut Actions<'_>) {
        let outcomes = match answer {
            Ok(outcomes) => outcomes,
            Err(error) => return self.wait_for_storage(&error, now_ms, actions),
        };
        let thens = self.journal.stored();
        for outcome in outcomes {
            self.outcome(outcome, now_ms, actions);
        }
        for then in thens {
            match then {
                Then::Connect => self.connect(now_ms, actions),
                Then::Register => self.account_stored(now_ms, actions),
                Then::GoOnline { connection, bound, jid } => {
                    self.go_online(connection, bound, jid, now_ms, actions);
                }
                Then::Acknowledge { connection, normal, background } => {
                    self.acknowledge(connection, normal, background, now_ms, actions);
                }
            }
        }
        self.tell(now_ms, actions);
    }

    /// The store failed: nothing of the step happened. The connection ends, so that the server sends again what was not
    /// acknowledged; after a wait the store is read anew.
    fn wait_for_storage(&mut self, error: &StoreError, now_ms: u64, actions: &mut Actions<'_>) {
        self.journal.failed();
        self.is_loaded = false;
        self.held.clear();
        let is_over = !self.is_wanted || matches!(self.state, State::Blocked(_));
        if !is_over {
            self.wait(Why::Storage(error.to_string()), now_ms, actions);
        }
    }

    /// What was learned of the network since the last call goes into the next step.
    fn keep_learned(&mut self) {
        if let Some(learned) = self.heartbeat.take_learned() {
            self.journal.add(Change::Network(learned));
        }
    }

    fn set_state(&mut self, state: State, actions: &mut Actions<'_>) {
        if self.state != state {
            self.state = state.clone();
            actions.push(Action::State(state));
        }
    }
}

/// Milliseconds of an interval, which are whole seconds, as the wire has them.
fn seconds(ms: u64) -> u32 {
    u32::try_from(ms / 1_000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
