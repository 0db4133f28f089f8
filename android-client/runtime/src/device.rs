//! The driver of one device: carries out what the client core asks for.

mod screen;

use std::collections::VecDeque;
use std::future::{Future, pending};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use longwire_client::heartbeat::{Adaptive, Fixed, Interval, NetworkId};
use longwire_client::inbox::{Change, Outcome, Snapshot, StoreError, Transaction, Verb};
use longwire_client::{
    Action, Actions, Block, Config, Event, Machine, Network, Reason, SrvAnswer, State, Target, TlsMode, Why,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OnceCell, mpsc, watch};
use tokio::time::timeout;

use crate::connect::{Connected, Stream, connect, connect_either, secure};
use crate::device::screen::ScreenQueue;
use crate::fleet::{Options, TlsChoice};
use crate::notes::Notes;
use crate::output::{Line, Printer};
use crate::resolve::{self, Resolver};
use crate::rim::{BootClock, OsRandom};
use crate::screen::Screens;
use crate::store::DeviceStore;
use crate::tls::{SecureError, Tls};

/// One read of a socket.
const READ_BYTES: usize = 8 * 1024;
/// A socket that takes nothing for so long is dead.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// The longest sleep, so that a clock that jumped (the host slept) is noticed.
const SLEEP_MS_MAX: u64 = 30_000;
/// How long a device that stops waits for its disk.
const STOP_MAX: Duration = Duration::from_secs(5);

/// What the devices of a process share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) clock: BootClock,
    pub(crate) process: String,
    pub(crate) store: DeviceStore,
    pub(crate) notes: Notes,
    pub(crate) screens: Screens,
    pub(crate) printer: Printer,
    pub(crate) tls: Tls,
    pub(crate) resolver: Arc<dyn Resolver>,
    /// What the port speaks, once the first device that reached it has found out.
    pub(crate) spoken: OnceCell<TlsMode>,
}

type Answer<T> = Option<Pin<Box<dyn Future<Output = T> + Send>>>;

/// One device and what it has under way.
pub(crate) struct Device {
    index: u32,
    shared: Arc<Shared>,
    machine: Machine,
    stream: Option<Stream>,
    resolving: Answer<Vec<(TlsMode, SrvAnswer)>>,
    connecting: Answer<Result<Connected, SecureError>>,
    /// Whether the DNS said that the domain has no SRV records.
    has_no_records: bool,
    /// Whether TLS came to stand on the last connection.
    is_secured: bool,
    loading: Answer<Result<Snapshot, StoreError>>,
    storing: Answer<Result<Vec<Outcome>, StoreError>>,
    screen: ScreenQueue,
    /// Acknowledgements held back, with the time at which they may go.
    held_acks: VecDeque<(u64, Vec<u8>)>,
    drop_at_ms: Option<u64>,
    /// A connection dropped without a word: open, and never looked at again.
    abandoned: Option<Stream>,
    /// The heartbeat that was printed last.
    heartbeat_s: u32,
    events: VecDeque<Event>,
}

impl Device {
    pub(crate) fn new(index: u32, shared: Arc<Shared>) -> Self {
        let options = &shared.options;
        let config = Config {
            domain: options.domain.clone(),
            server: options.server.clone().map(|(host, port)| Target { host, port, tls: options.tls.first() }),
            srv: if options.server.is_none() || options.is_srv_first { options.tls.services() } else { Vec::new() },
            app_key: options.app_key.clone(),
            software: concat!("longwire-device ", env!("CARGO_PKG_VERSION")).to_owned(),
            boot_id: shared.clock.boot_id().to_owned(),
        };
        let interval: Box<dyn Interval> = match options.heartbeat {
            Some(fixed) => Box::new(Fixed { interval_ms: u64::try_from(fixed.as_millis()).unwrap_or(u64::MAX) }),
            None => Box::new(Adaptive::default()),
        };
        let network = options.network.as_deref().map(|name| Event::Network(Network::Known(NetworkId::of(name))));
        let events = network.into_iter().chain([Event::Start]).collect();
        Self {
            machine: Machine::new(config, interval),
            screen: ScreenQueue::new(index, &shared),
            index,
            shared,
            stream: None,
            resolving: None,
            connecting: None,
            has_no_records: false,
            is_secured: false,
            loading: None,
            storing: None,
            held_acks: VecDeque::new(),
            drop_at_ms: None,
            abandoned: None,
            heartbeat_s: 0,
            events,
        }
    }

    /// Runs until told to stop.
    pub(crate) async fn run(mut self, mut commands: mpsc::Receiver<Event>, mut stop: watch::Receiver<bool>) {
        let mut buffer = vec![0; READ_BYTES];
        while !*stop.borrow() {
            self.settle().await;
            let sleep_ms = self.sleep_ms();
            tokio::select! {
                biased;
                _ = stop.changed() => {}
                stored = answer(&mut self.storing) => self.events.push_back(Event::Stored(stored)),
                loaded = answer(&mut self.loading) => self.events.push_back(Event::Loaded(loaded.map(Box::new))),
                shown = self.screen.shown() => self.shown(shown).await,
                resolved = answer(&mut self.resolving) => {
                    self.has_no_records = resolved.iter().all(|(_, answer)| *answer == SrvAnswer::Absent);
                    self.events.push_back(Event::Resolved(resolved));
                }
                connected = answer(&mut self.connecting) => self.connected(connected),
                Some(event) = commands.recv() => self.command(event).await,
                read = read(&mut self.stream, &mut buffer) => self.read(read, &buffer).await,
                () = tokio::time::sleep(Duration::from_millis(sleep_ms)) => self.timeouts().await,
            }
        }
        self.events.push_back(Event::Stop);
        self.settle().await;
        // What is not on disk by then is handed again by the next process.
        drop(timeout(STOP_MAX, self.finish()).await);
    }

    /// Everything under way reaches the disk.
    async fn finish(&mut self) {
        while self.storing.is_some() || self.screen.is_busy() {
            tokio::select! {
                stored = answer(&mut self.storing) => self.events.push_back(Event::Stored(stored)),
                shown = self.screen.shown() => self.shown(shown).await,
            }
            self.settle().await;
        }
    }

    /// Feeds the machine with what happened, until nothing more follows from it.
    async fn settle(&mut self) {
        while let Some(event) = self.events.pop_front() {
            self.call(|machine, now_ms, actions| machine.handle_event(event, now_ms, actions)).await;
        }
        self.screen.flush(&self.shared.screens);
    }

    async fn call(&mut self, call: impl FnOnce(&mut Machine, u64, &mut Actions<'_>)) {
        for action in self.decide(call) {
            self.carry_out(action).await;
        }
        self.print_heartbeat().await;
    }

    /// A heartbeat that changes while the device is online has a line of its own.
    async fn print_heartbeat(&mut self) {
        let heartbeat_s = self.machine.heartbeat_s();
        if matches!(self.machine.state(), State::Online(_)) && self.heartbeat_s != heartbeat_s {
            self.heartbeat_s = heartbeat_s;
            self.shared.printer.print(&Line::heartbeat(self.index, heartbeat_s)).await;
        }
    }

    fn decide(&mut self, call: impl FnOnce(&mut Machine, u64, &mut Actions<'_>)) -> Vec<Action> {
        let mut random = OsRandom;
        let mut actions = Actions::new(&mut random);
        call(&mut self.machine, self.shared.clock.now_ms(), &mut actions);
        actions.into_list()
    }

    async fn carry_out(&mut self, action: Action) {
        match action {
            Action::Load => self.loading = Some(Box::pin(load(self.index, Arc::clone(&self.shared)))),
            Action::Store(transaction) => {
                let (index, store) = (self.index, self.shared.store.clone());
                self.storing = Some(Box::pin(async move { store.apply(index, transaction).await }));
            }
            Action::Resolve { domain, services } => {
                let resolver = Arc::clone(&self.shared.resolver);
                let answer = async move { resolve::services(resolver.as_ref(), &domain, &services).await };
                self.resolving = Some(Box::pin(answer));
            }
            Action::Connect(target) => {
                let (shared, has_no_records) = (Arc::clone(&self.shared), self.has_no_records);
                self.is_secured = false;
                self.connecting = Some(Box::pin(async move {
                    let (resolver, tls) = (shared.resolver.as_ref(), shared.tls.clone());
                    if shared.options.is_domain_alone(&target) {
                        let connected = connect(&target, resolver, tls).await;
                        connected.map_err(|error| error.of_domain_alone(has_no_records))
                    } else if shared.options.is_spoken_unknown(&target) {
                        connect_either(&target, resolver, &shared.spoken, tls).await
                    } else {
                        connect(&target, resolver, tls).await
                    }
                }));
            }
            Action::StartTls => self.start_tls(),
            Action::Write(bytes) => self.write(&bytes).await,
            Action::Acknowledge(bytes) => self.acknowledge(bytes).await,
            Action::Close => self.close(),
            Action::Note(id) => self.note(id.as_deref()),
            Action::HandOver(shown) => self.screen.hand_over(*shown),
            Action::Finished(_) => {} // the screen said so before
            Action::Cancel { id, attempt } => self.screen.remove(id, attempt),
            Action::Answered { .. } => {} // nobody here asks
            Action::State(state) => self.state(&state).await,
        }
    }

    fn note(&mut self, id: Option<&str>) {
        if let Err(error) = self.shared.notes.write(self.index, id) {
            // Without the note a payload that kills costs one more life, no more.
            self.shared.printer.complain(self.index, &format!("cannot write a note: {error}"));
        }
        if id.is_some() {
            self.events.push_back(Event::Noted);
        }
    }

    fn start_tls(&mut self) {
        if let Some(Stream::Plain(tcp)) = self.stream.take() {
            self.connecting = Some(Box::pin(secure(tcp, self.shared.tls.clone())));
        }
    }

    fn connected(&mut self, connected: Result<Connected, SecureError>) {
        match connected {
            Ok(Connected::Plain(stream)) => {
                self.stream = Some(stream);
                self.events.push_back(Event::Connected);
            }
            Ok(Connected::Secure(stream, exporter)) => {
                self.stream = Some(stream);
                self.is_secured = true;
                self.events.push_back(Event::Secured { exporter });
            }
            Err(error) => {
                self.shared.printer.complain(self.index, &error.failure.text);
                self.events.push_back(Event::ConnectFailed(error.failure));
            }
        }
    }

    /// What a person does with a notification must be with one that is here.
    async fn command(&mut self, event: Event) {
        if let Event::Opened { id } | Event::Dismissed { id } = &event {
            let refusal = match self.shared.store.knows(self.index, id.clone()).await {
                Ok(true) => None,
                Ok(false) => Some(format!("there is no notification {id} on this device")),
                Err(error) => Some(error.to_string()),
            };
            if let Some(refusal) = refusal {
                return Printer::refuse(self.index, &refusal);
            }
        }
        self.events.push_back(event);
    }

    async fn read(&mut self, read: io::Result<usize>, buffer: &[u8]) {
        match read {
            Ok(length @ 1..) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                self.call(|machine, now_ms, actions| machine.handle_input(bytes, now_ms, actions)).await;
            }
            Ok(0) | Err(_) => self.lost(),
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        let Some(stream) = &mut self.stream else { return };
        let written = timeout(WRITE_MAX, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        });
        if !matches!(written.await, Ok(Ok(()))) {
            self.lost();
        }
    }

    async fn acknowledge(&mut self, bytes: Vec<u8>) {
        let behaviour = &self.shared.options.behaviour;
        if behaviour.no_ack {
            return;
        }
        if behaviour.lag.is_zero() {
            return self.write(&bytes).await;
        }
        let lag_ms = u64::try_from(behaviour.lag.as_millis()).unwrap_or(u64::MAX);
        self.held_acks.push_back((self.shared.clock.now_ms().saturating_add(lag_ms), bytes));
    }

    fn lost(&mut self) {
        self.stream = None;
        self.events.push_back(Event::Closed);
    }

    fn close(&mut self) {
        (self.resolving, self.connecting, self.drop_at_ms) = (None, None, None);
        self.held_acks.clear();
        if let Some(mut stream) = self.stream.take() {
            // A polite end that nobody waits for.
            tokio::spawn(async move { drop(timeout(WRITE_MAX, stream.shutdown()).await) });
        }
    }

    async fn state(&mut self, state: &State) {
        let (now_ms, printer) = (self.shared.clock.now_ms(), &self.shared.printer);
        self.drop_at_ms = None;
        let until_ms = self.machine.poll_timeout().and_then(|(due_ms, why)| (why == Reason::Wait).then_some(due_ms));
        let until_ms = until_ms.map(|until_ms| until_ms.saturating_sub(now_ms));
        if matches!(state, State::Online(_)) {
            self.heartbeat_s = self.machine.heartbeat_s();
        }
        let line = Line::state(self.index, state, self.heartbeat_s, until_ms, self.hint(state));
        match state {
            State::Online(_) => {
                printer.relieve();
                let after = self.shared.options.behaviour.drop_after;
                let after_ms = after.map(|after| u64::try_from(after.as_millis()).unwrap_or(u64::MAX));
                self.drop_at_ms = after_ms.map(|after| now_ms.saturating_add(after));
            }
            State::Waiting {
                why: Why::NoTls | Why::Security(_) | Why::Protocol(_) | Why::Storage(_) | Why::Server { .. },
                ..
            }
            | State::Blocked(_) => printer.complain(self.index, &line.text().unwrap_or_default()),
            State::Idle | State::Waiting { .. } | State::Connecting | State::Registering | State::LoggingIn => {}
        }
        printer.print(&line).await;
    }

    /// The option that may mend it.
    fn hint(&self, state: &State) -> &'static str {
        let is_starttls = self.shared.options.tls == TlsChoice::StartTls && !self.is_secured;
        match state {
            State::Waiting { why: Why::Protocol(_), .. } if is_starttls => {
                ": does this port speak TLS? Try --direct-tls"
            }
            State::Waiting { why: Why::Server { condition, .. }, .. } if condition == "host-unknown" => {
                ": is --domain right?"
            }
            State::Blocked(Block::AppKeyNeeded(_) | Block::AppKeyRefused(_)) => "; give one with --app-key",
            State::Idle
            | State::Waiting { .. }
            | State::Connecting
            | State::Registering
            | State::LoggingIn
            | State::Online(_)
            | State::Blocked(_) => "",
        }
    }

    /// Lines are on the screen: the app is done with what was handed over.
    async fn shown(&mut self, shown: io::Result<()>) {
        match shown {
            Ok(()) => {
                let events = self.screen.synced(&self.shared.printer).await;
                self.events.extend(events);
            }
            Err(error) => {
                self.shared.printer.complain(self.index, &format!("cannot write the screen: {error}"));
                self.screen.try_again(self.shared.clock.now_ms());
            }
        }
    }

    fn sleep_ms(&self) -> u64 {
        let due = [
            self.machine.poll_timeout().map(|(due_ms, _)| due_ms),
            self.held_acks.front().map(|(due_ms, _)| *due_ms),
            self.drop_at_ms,
            self.screen.retry_at_ms(),
        ];
        let due = due.into_iter().flatten().min().unwrap_or(u64::MAX);
        due.saturating_sub(self.shared.clock.now_ms()).min(SLEEP_MS_MAX)
    }

    async fn timeouts(&mut self) {
        let now_ms = self.shared.clock.now_ms();
        while self.held_acks.front().is_some_and(|(due_ms, _)| *due_ms <= now_ms) {
            if let Some((_, bytes)) = self.held_acks.pop_front() {
                self.write(&bytes).await;
            }
        }
        if self.drop_at_ms.is_some_and(|due_ms| due_ms <= now_ms) {
            self.drop_at_ms = None;
            self.abandoned = self.stream.take();
            self.events.push_back(Event::Closed);
        }
        self.screen.retry(now_ms);
        self.call(Machine::handle_timeout).await;
    }
}

/// The answer of what is under way, or never.
async fn answer<T>(under_way: &mut Answer<T>) -> T {
    let Some(future) = under_way else { return pending().await };
    let answer = future.await;
    *under_way = None;
    answer
}

async fn read(stream: &mut Option<Stream>, buffer: &mut [u8]) -> io::Result<usize> {
    match stream {
        Some(stream) => stream.read(buffer).await,
        None => pending().await,
    }
}

/// What a process finds at its start, after its database agrees with its screen: what the screen calls done is done.
async fn load(index: u32, shared: Arc<Shared>) -> Result<Snapshot, StoreError> {
    let snapshot = shared.store.load(index).await?;
    let snapshot = Snapshot { noted: shared.notes.read(index), ..snapshot };
    if !snapshot.rows.iter().any(|row| row.state.is_open()) {
        return Ok(snapshot);
    }
    let screens = shared.screens.clone();
    let done = tokio::task::spawn_blocking(move || screens.done(index)).await;
    let done = done.map_err(|error| StoreError(error.to_string()))?;
    let done = done.map_err(|error| StoreError(format!("cannot read the screen: {error}")))?;
    let on_screen = snapshot.rows.iter().filter(|row| row.state.is_open() && done.contains(&row.id));
    let changes: Vec<_> = on_screen.map(|row| Change::Row(row.id.clone(), Verb::Finish)).collect();
    if changes.is_empty() {
        return Ok(snapshot);
    }
    shared.store.apply(index, Transaction { at_ms: 0, changes }).await?;
    Ok(Snapshot { noted: snapshot.noted, ..shared.store.load(index).await? })
}
