//! One virtual phone: what the driver asks of this host, and how the phone misbehaves.

mod screen;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use longwire_client::heartbeat::{Adaptive, Fixed, Interval, NetworkId};
use longwire_client::inbox::{Outcome, Row, Snapshot, StoreError, Transaction};
use longwire_client::{Block, Config, Event, Failure, HandOver, Network, Refusal, Reply, State, Target, Why};
use longwire_driver::notes::Notes;
use longwire_driver::resolve::Resolver;
use longwire_driver::rim::BootClock;
use longwire_driver::tls::SecureError;
use longwire_driver::{Answer, Connected, Driver, Host, Standing, Status, Wish, connect, connect_either};
use longwire_protocol::DateTime;
use tokio::sync::{OnceCell, mpsc, watch};

use crate::commands;
use crate::device::screen::ScreenQueue;
use crate::fleet::{Options, TlsChoice};
use crate::output::{Line, Printer};
use crate::rim::wall_clock_ms;
use crate::screen::Screens;
use crate::store::DeviceStore;
use crate::tls::Tls;

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
    pub(crate) spoken: OnceCell<longwire_client::TlsMode>,
}

/// What happens on this host.
pub(crate) enum Notice {
    /// The process ends.
    Stop,
    /// Lines are on the screen, or could not be written.
    Shown(io::Result<()>),
    /// Somebody gave a command.
    Command(Event),
    /// Something of the host's own is due.
    Due,
}

/// A virtual phone.
pub(crate) struct Device {
    index: u32,
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Event>,
    stop: watch::Receiver<bool>,
    is_stopping: bool,
    screen: ScreenQueue,
    /// Acknowledgements held back, with the time at which they may go.
    held_acks: VecDeque<(u64, Vec<u8>)>,
    drop_at_ms: Option<u64>,
    /// What was asked of the server by commands, by number.
    asked: BTreeMap<u64, &'static str>,
    asked_last: u64,
}

/// A phone's driver.
pub(crate) fn device(
    index: u32,
    shared: Arc<Shared>,
    commands: mpsc::Receiver<Event>,
    stop: watch::Receiver<bool>,
) -> Driver<Device> {
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
        Some(fixed) => Box::new(Fixed { interval_ms: ms(fixed) }),
        None => Box::new(Adaptive::default()),
    };
    let network = options.network.as_deref().map(|name| Event::Network(Network::Known(NetworkId::of(name))));
    let clock = shared.clock.clone();
    let host = Device {
        index,
        commands,
        stop,
        is_stopping: false,
        screen: ScreenQueue::new(index, &shared),
        shared,
        held_acks: VecDeque::new(),
        drop_at_ms: None,
        asked: BTreeMap::new(),
        asked_last: 0,
    };
    Driver::new(config, interval, clock, host, network.into_iter().chain([Event::Start]))
}

impl Host for Device {
    type Notice = Notice;

    fn load(&mut self) -> Answer<Result<Snapshot, StoreError>> {
        Box::pin(load(self.index, Arc::clone(&self.shared)))
    }

    fn apply(&mut self, transaction: Transaction) -> Answer<Result<Vec<Outcome>, StoreError>> {
        let (index, store) = (self.index, self.shared.store.clone());
        Box::pin(async move { store.apply(index, transaction).await })
    }

    fn note(&mut self, id: Option<&str>) {
        if let Err(error) = self.shared.notes.write(self.index, id) {
            self.shared.printer.complain(self.index, &format!("cannot write a note: {error}"));
        }
    }

    fn hand_over(&mut self, shown: HandOver) {
        self.screen.hand_over(shown);
    }

    fn remove(&mut self, id: String, attempt: u32) {
        self.screen.remove(id, attempt);
    }

    async fn answered(&mut self, number: u64, answer: Result<Reply, Refusal>) {
        let verb = self.asked.remove(&number).unwrap_or_default();
        self.shared.printer.print(&Line::answered(self.index, verb, &answer)).await;
    }

    fn tls(&self) -> Tls {
        self.shared.tls.clone()
    }

    fn resolver(&self) -> Arc<dyn Resolver> {
        Arc::clone(&self.shared.resolver)
    }

    fn connect(&mut self, target: Target, has_no_records: bool) -> Answer<Result<Connected, SecureError>> {
        let shared = Arc::clone(&self.shared);
        Box::pin(async move {
            let (resolver, tls) = (shared.resolver.as_ref(), shared.tls.clone());
            if shared.options.is_domain_alone(&target) {
                let connected = connect(&target, resolver, tls).await;
                connected.map_err(|error| of_domain_alone(error, has_no_records))
            } else if shared.options.is_spoken_unknown(&target) {
                connect_either(&target, resolver, &shared.spoken, tls).await
            } else {
                connect(&target, resolver, tls).await
            }
        })
    }

    fn failed(&mut self, failure: &Failure) {
        self.shared.printer.complain(self.index, &failure.text);
    }

    fn closed(&mut self) {
        self.drop_at_ms = None;
        self.held_acks.clear();
    }

    fn acknowledge(&mut self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let behaviour = &self.shared.options.behaviour;
        if behaviour.no_ack {
            return None;
        }
        if behaviour.lag.is_zero() {
            return Some(bytes);
        }
        self.held_acks.push_back((self.shared.clock.now_ms().saturating_add(ms(behaviour.lag)), bytes));
        None
    }

    async fn state(&mut self, status: Status<'_>) {
        let (now_ms, printer) = (self.shared.clock.now_ms(), &self.shared.printer);
        self.drop_at_ms = None;
        let for_ms = status.until_ms.map(|until_ms| until_ms.saturating_sub(now_ms));
        let line = Line::state(self.index, status.state, status.heartbeat_s, for_ms, self.hint(&status));
        match status.state {
            State::Online(_) => {
                printer.relieve();
                let after = self.shared.options.behaviour.drop_after;
                self.drop_at_ms = after.map(|after| now_ms.saturating_add(ms(after)));
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

    async fn heartbeat(&mut self, status: Status<'_>) {
        self.shared.printer.print(&Line::heartbeat(self.index, status.heartbeat_s)).await;
    }

    fn settled(&mut self, _standing: Standing<'_>) {
        self.screen.flush(&self.shared.screens);
    }

    async fn next(&mut self) -> Notice {
        if self.is_stopping {
            return Notice::Shown(self.screen.shown().await);
        }
        if *self.stop.borrow() {
            return Notice::Stop;
        }
        let due = [self.held_acks.front().map(|(due_ms, _)| *due_ms), self.drop_at_ms, self.screen.retry_at_ms()];
        let due_ms = due.into_iter().flatten().min();
        let sleep_ms = due_ms.map_or(0, |due_ms| due_ms.saturating_sub(self.shared.clock.now_ms()));
        tokio::select! {
            biased;
            _ = self.stop.changed() => Notice::Stop,
            shown = self.screen.shown() => Notice::Shown(shown),
            Some(event) = self.commands.recv() => Notice::Command(event),
            () = tokio::time::sleep(Duration::from_millis(sleep_ms)), if due_ms.is_some() => Notice::Due,
        }
    }

    async fn take(&mut self, notice: Notice) -> Vec<Wish> {
        match notice {
            Notice::Stop => {
                self.is_stopping = true;
                vec![Wish::Stop]
            }
            Notice::Shown(shown) => self.shown(shown).await,
            Notice::Command(event) => self.command(event).await,
            Notice::Due => self.due(),
        }
    }

    fn is_busy(&self) -> bool {
        self.screen.is_busy()
    }
}

impl Device {
    /// The option that may mend it.
    fn hint(&self, status: &Status<'_>) -> &'static str {
        let is_starttls = self.shared.options.tls == TlsChoice::StartTls && !status.is_secured;
        match status.state {
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
    async fn shown(&mut self, shown: io::Result<()>) -> Vec<Wish> {
        match shown {
            Ok(()) => self.screen.synced(&self.shared.printer).await.into_iter().map(Wish::Event).collect(),
            Err(error) => {
                self.shared.printer.complain(self.index, &format!("cannot write the screen: {error}"));
                self.screen.try_again(self.shared.clock.now_ms());
                Vec::new()
            }
        }
    }

    /// What a person does with a notification must be with one that is here.
    async fn command(&mut self, mut event: Event) -> Vec<Wish> {
        if let Event::Request { number, request } = &mut event {
            self.asked_last += 1;
            *number = self.asked_last;
            self.asked.insert(*number, commands::verb(request));
        }
        if let Event::Opened { id } | Event::Dismissed { id } | Event::Acted { id, .. } = &event {
            let refusal = match self.shared.store.knows(self.index, id.clone()).await {
                Ok(true) => None,
                Ok(false) => Some(format!("there is no notification {id} on this device")),
                Err(error) => Some(error.to_string()),
            };
            if let Some(refusal) = refusal {
                Printer::refuse(self.index, &refusal);
                return Vec::new();
            }
        }
        vec![Wish::Event(event)]
    }

    fn due(&mut self) -> Vec<Wish> {
        let now_ms = self.shared.clock.now_ms();
        let mut wishes = Vec::new();
        while let Some((_, bytes)) = self.held_acks.pop_front_if(|(due_ms, _)| *due_ms <= now_ms) {
            wishes.push(Wish::Write(bytes));
        }
        if self.drop_at_ms.take_if(|due_ms| *due_ms <= now_ms).is_some() {
            wishes.push(Wish::Abandon);
        }
        self.screen.retry(now_ms);
        wishes
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
    let is_displayed = shared.options.behaviour.report_displayed;
    let at = DateTime(wall_clock_ms());
    let finished = |row: &Row| Event::Finished { id: row.id.clone(), is_displayed }.said(at);
    let changes: Vec<_> = on_screen.flat_map(finished).collect();
    if changes.is_empty() {
        return Ok(snapshot);
    }
    shared.store.apply(index, Transaction { at_ms: 0, changes }).await?;
    Ok(Snapshot { noted: snapshot.noted, ..shared.store.load(index).await? })
}

/// The domain alone was to say where the server is, and did not.
fn of_domain_alone(mut error: SecureError, has_no_records: bool) -> SecureError {
    if error.failure.kind == longwire_client::FailureKind::Resolve {
        let records = if has_no_records { ", and no SRV records either" } else { "" };
        error.failure.text = format!("{}{records}; --server HOST:PORT names the server", error.failure.text);
    }
    error
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
