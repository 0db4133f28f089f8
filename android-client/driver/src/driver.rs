//! One device and what it has under way.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::time::Duration;

use longwire_client::heartbeat::Interval;
use longwire_client::inbox::{Outcome, Snapshot, StoreError};
use longwire_client::{Action, Actions, Config, Event, Machine, Reason, SrvAnswer, State, TlsMode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::connect::{Connected, Stream, secure};
use crate::host::{Answer, Host, Standing, Status, Wish};
use crate::resolve;
use crate::rim::{BootClock, OsRandom};
use crate::tls::{SecureError, refused};

/// One read of a socket.
const READ_BYTES: usize = 8 * 1024;
/// A socket that takes nothing for so long is dead.
const WRITE_MAX: Duration = Duration::from_secs(10);
/// How long the last words of a server are waited for that takes nothing any more.
const LAST_WORDS_MAX: Duration = Duration::from_millis(200);
/// The longest sleep, so that a clock that jumped (the host slept) is noticed.
const SLEEP_MS_MAX: u64 = 30_000;
/// How long a device that stops waits for its disk.
const STOP_MAX: Duration = Duration::from_secs(5);
/// How long it waits for the polite end of its connection.
const GOODBYE_MAX: Duration = Duration::from_secs(1);

type UnderWay<T> = Option<Answer<T>>;

/// Carries out what the machine of one device asks for.
pub struct Driver<H> {
    host: H,
    clock: BootClock,
    machine: Machine,
    stream: Option<Stream>,
    resolving: UnderWay<Vec<(TlsMode, SrvAnswer)>>,
    connecting: UnderWay<Result<Connected, SecureError>>,
    /// Whether the DNS said that the domain has no SRV records.
    has_no_records: bool,
    /// Whether TLS came to stand on the last connection.
    is_secured: bool,
    loading: UnderWay<Result<Snapshot, StoreError>>,
    storing: UnderWay<Result<Vec<Outcome>, StoreError>>,
    /// Steps that came to the disk, and steps that did not.
    steps: (u64, u64),
    /// A connection dropped without a word: open, and never looked at again.
    abandoned: Option<Stream>,
    /// Connections on their way to a polite end.
    goodbyes: JoinSet<()>,
    /// The heartbeat that was told last.
    heartbeat_s: u32,
    is_stopping: bool,
    events: VecDeque<Event>,
}

impl<H: Host> Driver<H> {
    /// A driver that begins with these events, of which one is [`Event::Start`].
    pub fn new(
        config: Config,
        interval: Box<dyn Interval>,
        clock: BootClock,
        host: H,
        events: impl IntoIterator<Item = Event>,
    ) -> Self {
        Self {
            machine: Machine::new(config, interval),
            host,
            clock,
            stream: None,
            resolving: None,
            connecting: None,
            has_no_records: false,
            is_secured: false,
            loading: None,
            storing: None,
            steps: (0, 0),
            abandoned: None,
            goodbyes: JoinSet::new(),
            heartbeat_s: 0,
            is_stopping: false,
            events: events.into_iter().collect(),
        }
    }

    /// Runs until the host wishes to stop, and then until what is under way is on disk, or cannot come there in time. The host is given back.
    pub async fn run(mut self) -> H {
        let mut buffer = vec![0; READ_BYTES];
        while !self.is_stopping {
            self.settle().await;
            let sleep_ms = self.sleep_ms();
            tokio::select! {
                biased;
                stored = answer(&mut self.storing) => self.stored(stored),
                loaded = answer(&mut self.loading) => self.events.push_back(Event::Loaded(loaded.map(Box::new))),
                notice = self.host.next() => self.take(notice).await,
                resolved = answer(&mut self.resolving) => {
                    self.has_no_records = resolved.iter().all(|(_, answer)| *answer == SrvAnswer::Absent);
                    self.events.push_back(Event::Resolved(resolved));
                }
                connected = answer(&mut self.connecting) => self.connected(connected),
                read = read(&mut self.stream, &mut buffer) => self.read(read, &buffer).await,
                () = tokio::time::sleep(Duration::from_millis(sleep_ms)) => self.call(Machine::handle_timeout).await,
            }
        }
        self.events.push_back(Event::Stop);
        self.settle().await;
        // What is not on disk by then is handed again by the next process.
        drop(timeout(STOP_MAX, self.finish()).await);
        drop(timeout(GOODBYE_MAX, async { while self.goodbyes.join_next().await.is_some() {} }).await);
        self.host
    }

    /// Everything under way reaches the disk.
    async fn finish(&mut self) {
        while self.storing.is_some() || self.host.is_busy() {
            tokio::select! {
                stored = answer(&mut self.storing) => self.stored(stored),
                notice = self.host.next() => self.take(notice).await,
            }
            self.settle().await;
        }
    }

    /// Feeds the machine with what happened, until nothing more follows from it.
    async fn settle(&mut self) {
        while let Some(event) = self.events.pop_front() {
            self.call(|machine, now_ms, actions| machine.handle_event(event, now_ms, actions)).await;
        }
        self.host.settled(Standing {
            machine: &self.machine,
            is_loading: self.loading.is_some(),
            is_storing: self.storing.is_some(),
            steps: self.steps,
            now_ms: self.clock.now_ms(),
        });
    }

    async fn take(&mut self, notice: H::Notice) {
        for wish in self.host.take(notice).await {
            match wish {
                Wish::Event(event) => self.events.push_back(event),
                Wish::Timeouts => self.call(Machine::handle_timeout).await,
                Wish::Write(bytes) => self.write(&bytes).await,
                Wish::Abandon => {
                    self.abandoned = self.stream.take();
                    self.events.push_back(Event::Closed);
                }
                Wish::Stop => self.is_stopping = true,
            }
        }
    }

    async fn call(&mut self, call: impl FnOnce(&mut Machine, u64, &mut Actions<'_>)) {
        for action in self.decide(call) {
            self.carry_out(action).await;
        }
        self.tell_heartbeat().await;
    }

    /// A heartbeat that changes while the device is online is told.
    async fn tell_heartbeat(&mut self) {
        let heartbeat_s = self.machine.heartbeat_s();
        if matches!(self.machine.state(), State::Online(_)) && self.heartbeat_s != heartbeat_s {
            self.heartbeat_s = heartbeat_s;
            self.host.heartbeat(status(&self.machine, self.machine.state(), self.is_secured)).await;
        }
    }

    fn decide(&mut self, call: impl FnOnce(&mut Machine, u64, &mut Actions<'_>)) -> Vec<Action> {
        let mut random = OsRandom;
        let mut actions = Actions::new(&mut random);
        call(&mut self.machine, self.clock.now_ms(), &mut actions);
        actions.into_list()
    }

    async fn carry_out(&mut self, action: Action) {
        match action {
            Action::Load => self.loading = Some(self.host.load()),
            Action::Store(transaction) => self.storing = Some(self.host.apply(transaction)),
            Action::Resolve { domain, services } => {
                let resolver = self.host.resolver();
                let answer = async move { resolve::services(resolver.as_ref(), &domain, &services).await };
                self.resolving = Some(Box::pin(answer));
            }
            Action::Connect(target) => {
                self.is_secured = false;
                self.connecting = Some(self.host.connect(target, self.has_no_records));
            }
            Action::StartTls => self.start_tls(),
            Action::Write(bytes) => self.write(&bytes).await,
            Action::Acknowledge(bytes) => {
                if let Some(bytes) = self.host.acknowledge(bytes) {
                    self.write(&bytes).await;
                }
            }
            Action::Close => self.close(),
            Action::Note(id) => {
                self.host.note(id.as_deref());
                if id.is_some() {
                    self.events.push_back(Event::Noted);
                }
            }
            Action::HandOver(shown) => self.host.hand_over(*shown),
            Action::Finished(_) => {} // the host said so before
            Action::Cancel { id, attempt } => self.host.remove(id, attempt),
            Action::Answered { number, answer } => self.host.answered(number, answer).await,
            Action::State(state) => self.state(&state).await,
        }
    }

    fn stored(&mut self, stored: Result<Vec<Outcome>, StoreError>) {
        match &stored {
            Ok(_) => self.steps.0 += 1,
            Err(_) => self.steps.1 += 1,
        }
        self.events.push_back(Event::Stored(stored));
    }

    fn start_tls(&mut self) {
        if let Some(Stream::Plain(tcp)) = self.stream.take() {
            self.connecting = Some(Box::pin(secure(tcp, self.host.tls())));
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
                self.host.failed(&error.failure);
                self.events.push_back(Event::ConnectFailed(error.failure));
            }
        }
    }

    async fn read(&mut self, read: io::Result<usize>, buffer: &[u8]) {
        match read {
            Ok(length @ 1..) => {
                let bytes = buffer.get(..length).unwrap_or_default();
                self.call(|machine, now_ms, actions| machine.handle_input(bytes, now_ms, actions)).await;
            }
            Ok(0) => self.lost(),
            Err(error) => self.broken(&error),
        }
    }

    async fn write(&mut self, bytes: &[u8]) {
        let Some(stream) = &mut self.stream else { return };
        let written = timeout(WRITE_MAX, async {
            stream.write_all(bytes).await?;
            stream.flush().await
        });
        match written.await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                // What the server said before it closed explains more than that it takes nothing.
                let mut rest = [0; READ_BYTES];
                let said = timeout(LAST_WORDS_MAX, stream.read(&mut rest)).await;
                self.broken(said.ok().and_then(Result::err).as_ref().unwrap_or(&error));
            }
            Err(_) => self.lost(),
        }
    }

    /// The connection has failed, by what the server said of TLS, or without a word.
    fn broken(&mut self, error: &io::Error) {
        let Some(failure) = refused(error) else { return self.lost() };
        self.stream = None;
        self.host.failed(&failure);
        self.events.push_back(Event::ConnectFailed(failure));
    }

    fn lost(&mut self) {
        self.stream = None;
        self.events.push_back(Event::Closed);
    }

    fn close(&mut self) {
        (self.resolving, self.connecting) = (None, None);
        self.host.closed();
        if let Some(mut stream) = self.stream.take() {
            // A polite end that only the end of the driver waits for, and not for long.
            self.goodbyes.spawn(async move { drop(timeout(WRITE_MAX, stream.shutdown()).await) });
            while self.goodbyes.try_join_next().is_some() {}
        }
    }

    async fn state(&mut self, state: &State) {
        if matches!(state, State::Online(_)) {
            self.heartbeat_s = self.machine.heartbeat_s();
        }
        self.host.state(status(&self.machine, state, self.is_secured)).await;
    }

    fn sleep_ms(&self) -> u64 {
        let due_ms = self.machine.poll_timeout().map_or(u64::MAX, |(due_ms, _)| due_ms);
        due_ms.saturating_sub(self.clock.now_ms()).min(SLEEP_MS_MAX)
    }
}

fn status<'a>(machine: &Machine, state: &'a State, is_secured: bool) -> Status<'a> {
    let until_ms = machine.poll_timeout().and_then(|(due_ms, why)| (why == Reason::Wait).then_some(due_ms));
    Status { state, heartbeat_s: machine.heartbeat_s(), until_ms, is_secured }
}

/// The answer of what is under way, or never.
async fn answer<T>(under_way: &mut UnderWay<T>) -> T {
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
