//! A server process: the real core and the real worker, hosted by a world.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use longwire_core::{Clock, Core, CoreConfig, Env, HeavyWork, Registration, session_manager};
use longwire_model::{AppId, AudienceKey, DeviceId, EntryId, Membership, Seq, Timestamp};
use longwire_protocol::jid::BareJid;
use longwire_router::Now;
use longwire_store::Store;
use longwire_worker::{Accepted, Command, Settings, Worker};
use tokio::runtime::Runtime;

use crate::disk::Disk;
use crate::host::{Log, Pipe, Seen, WorldHost};
use crate::idle::Idle;
use crate::rng::Shared;
use crate::world::Flash;
use crate::{DOMAIN, Mutation, mutate};

/// How soon a session is over whose account is kept out, or has another password.
const LEAVES_MS: u64 = 5_000;

/// Two clocks that the world moves.
#[derive(Default)]
pub(crate) struct Hands {
    pub(crate) mono_ms: AtomicU64,
    pub(crate) wall_ms: AtomicI64,
}

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.wall_ms.load(Ordering::Relaxed))
    }

    fn mono_ms(&self) -> u64 {
        self.mono_ms.load(Ordering::Relaxed)
    }
}

/// What comes out of the process's futures, in order.
pub(crate) enum Inbox {
    Worker(Command),
    Answered(Answered),
    Fault(String),
}

/// The answer to an operator's or sender's call.
pub(crate) enum Answered {
    Accepted(EntryId),
    /// Never stored, and so many sockets took it.
    Now(EntryId, Flash),
    Changed(DeviceId),
    /// Nobody is in this account any more.
    Barred(String),
    Done,
}

/// What the worker did to its connections, in order.
pub(crate) enum Effect {
    Bytes(u64, Vec<u8>),
    Close(u64),
    Answered(Answered),
}

pub(crate) type Queue = Arc<Mutex<VecDeque<Inbox>>>;

/// What the managers know the worker by.
struct Desk {
    queue: Queue,
    watermark: Arc<AtomicU64>,
    announced: AtomicU64,
    /// The next batch finds no room.
    is_full: Arc<AtomicBool>,
    mutation: Option<Mutation>,
    told: mutate::server::Told,
}

impl session_manager::Worker for Desk {
    fn send(&self, command: session_manager::Command) {
        let mut queue = self.queue.lock().expect("nothing panics with it");
        if let session_manager::Command::Announce(batch) = &command {
            let end = batch.entries.last().map_or(batch.from, |entry| entry.seq);
            let before = self.announced.fetch_max(end, Ordering::Relaxed);
            if batch.from > before {
                queue.push_back(Inbox::Fault(format!("a batch from {} was announced behind {before}", batch.from)));
            }
            if self.is_full.swap(false, Ordering::Relaxed) {
                return;
            }
        }
        let told = self.told.change(self.mutation, command);
        queue.extend(told.into_iter().map(|command| Inbox::Worker(Command::Core(command))));
    }

    fn watermark(&self) -> Seq {
        self.watermark.load(Ordering::Relaxed)
    }
}

/// A server process.
pub(crate) struct Server {
    pub(crate) core: Arc<Core>,
    pub(crate) worker: Worker<WorldHost>,
    idle: Arc<Idle>,
    disk: Arc<Disk>,
    queue: Queue,
    is_full: Arc<AtomicBool>,
    log: Log,
    /// The slots of the connections.
    links: BTreeMap<u64, usize>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) now: Now,
    mutation: Option<Mutation>,
    /// What no session may be sent any more: the answer to the change has said so.
    left: BTreeMap<DeviceId, Vec<Membership>>,
    /// Accounts that nobody may be in any more: that was answered; and those of which it was asked.
    pub(crate) barred: BTreeSet<String>,
    awaited: BTreeSet<String>,
    /// Connections with a session that has to end, and since when.
    leaving: Vec<(u64, String, u64)>,
    pub(crate) faults: Vec<String>,
    /// What was written towards which device.
    pub(crate) sent: Vec<(DeviceId, EntryId)>,
    runtime: Runtime,
}

fn config(token_ms: Option<i64>) -> CoreConfig {
    let pattern = |text: &str| text.parse().expect("a pattern");
    CoreConfig {
        domain: DOMAIN.into(),
        registration: Registration::Open,
        heartbeat_min_s: None,
        heartbeat_max_s: 600,
        server_key: [9; 32],
        fast_token_ms: token_ms.unwrap_or(14 * 24 * 3_600_000),
        device_topics: vec![pattern("*")],
        device_tags: vec![pattern("x")],
        androidpn: None,
    }
}

impl Server {
    /// Starts a process on the disk: a generation is appended before anything is served.
    pub(crate) fn start(
        disk: &Arc<Disk>,
        hands: &Arc<Hands>,
        random: Shared,
        mutation: Option<Mutation>,
        token_ms: Option<i64>,
    ) -> Self {
        let (runtime, idle) = Idle::runtime();
        let env = Env { heavy: HeavyWork::InPlace, ..Env::new(Arc::clone(hands) as Arc<dyn Clock>, Arc::new(random)) };
        let store = Arc::clone(disk) as Arc<dyn Store>;
        let opening = async {
            let core = Core::open(store, env, config(token_ms)).await.expect("a store that answers");
            // Nothing is served meanwhile: the disk's waits are let go at once.
            let mut begun: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async {
                core.begin_generation().await.expect("a generation");
                core.resume().await.expect("a new life");
            });
            while poll_once(begun.as_mut()).is_pending() {
                for gate in disk.take_gates() {
                    let _: Result<(), ()> = gate.open.send(());
                }
                tokio::task::yield_now().await;
            }
            drop(begun);
            core
        };
        let core = runtime.block_on(opening);
        let last = core.log.last();
        let (queue, watermark) = (Queue::default(), Arc::new(AtomicU64::new(last)));
        let is_full = Arc::default();
        let name: Arc<dyn session_manager::Worker> = Arc::new(Desk {
            queue: Arc::clone(&queue),
            watermark: Arc::clone(&watermark),
            announced: AtomicU64::new(last),
            is_full: Arc::clone(&is_full),
            mutation,
            told: mutate::server::Told::default(),
        });
        core.sessions.set_workers(vec![Arc::clone(&name)]);
        let mut streams = longwire_c2s::Config::new(BareJid::new(DOMAIN).expect("a domain"), [9; 32]);
        streams.registration = longwire_c2s::Registration::Open;
        let settings = Settings {
            core: Arc::clone(&core),
            streams: Arc::new(streams),
            drain_spread_s: 30,
            session_bytes_per_s: 512 * 1024,
        };
        let log = Log::default();
        let host = WorldHost {
            runtime: runtime.handle().clone(),
            queue: Arc::clone(&queue),
            watermark,
            log: Rc::clone(&log),
            timers: BTreeSet::new(),
            next_stamp: 0,
            hands: Arc::clone(hands),
            mutation,
        };
        Self {
            worker: Worker::new(0, name, settings, host),
            core,
            idle,
            disk: Arc::clone(disk),
            queue,
            is_full,
            log,
            links: BTreeMap::new(),
            effects: Vec::new(),
            now: Now::default(),
            mutation,
            left: BTreeMap::new(),
            barred: BTreeSet::new(),
            awaited: BTreeSet::new(),
            leaving: Vec::new(),
            faults: Vec::new(),
            sent: Vec::new(),
            runtime,
        }
    }

    /// A client has connected, by direct TLS.
    pub(crate) fn connected(&mut self, link: u64, is_refused: bool) {
        let transport = Pipe::new(link, Rc::clone(&self.log), self.mutation);
        self.links.insert(link, self.worker.next_slot());
        self.turn(|worker| worker.accept(Accepted { transport, is_direct_tls: true, is_refused }));
    }

    /// Whether the process has this connection.
    pub(crate) fn has(&self, link: u64) -> bool {
        self.links.contains_key(&link)
    }

    /// Its connections.
    pub(crate) fn links(&self) -> Vec<u64> {
        self.links.keys().copied().collect()
    }

    /// Bytes have come.
    pub(crate) fn input(&mut self, link: u64, input: &[u8]) {
        self.event(link, |pipe| pipe.receive(input));
    }

    /// The client's side has gone.
    pub(crate) fn gone(&mut self, link: u64) {
        self.event(link, Pipe::end);
    }

    /// From here on the connection takes so many bytes more; any number for none.
    pub(crate) fn set_room(&mut self, link: u64, bytes: Option<usize>) {
        self.event(link, |pipe| pipe.set_room(bytes));
    }

    /// The next committed batch does not reach the worker, as when its inbox is full.
    pub(crate) fn miss_next_batch(&self) {
        self.is_full.store(true, Ordering::Relaxed);
    }

    fn event(&mut self, link: u64, change: impl FnOnce(&mut Pipe)) {
        let Some(slot) = self.links.get(&link).copied() else { return };
        if let Some(pipe) = self.worker.transport(slot) {
            change(pipe);
        }
        self.turn(|worker| worker.handle_event(slot, true, true));
    }

    /// When the worker wants its next turn.
    pub(crate) fn due_ms(&mut self) -> Option<u64> {
        self.worker.host().timers.first().map(|(due_ms, _)| *due_ms)
    }

    /// A turn for what is due.
    pub(crate) fn timeouts(&mut self) {
        let now_ms = self.now.mono_ms;
        self.turn(|worker| {
            while let Some(timer) = worker.host().pop_timer(now_ms) {
                worker.handle_timer(timer);
            }
        });
    }

    /// One turn of the worker, and what its connections did in it.
    pub(crate) fn turn(&mut self, happen: impl FnOnce(&mut Worker<WorldHost>)) {
        self.worker.begin_turn(self.now);
        happen(&mut self.worker);
        self.worker.end_turn();
        self.collect();
        self.look_for_stayers();
    }

    fn collect(&mut self) {
        let log = std::mem::take(&mut *self.log.borrow_mut());
        for seen in log {
            match seen {
                Seen::Sent(device, id) => {
                    self.sent.push((device, id));
                    if !self.may_send(device, id) {
                        let text = format!("{id} was sent after its audience was left and that was answered");
                        self.faults.push(text);
                    }
                }
                Seen::Bound(account) if self.barred.contains(&account) => {
                    self.faults.push(format!("somebody logged in to {account} after that was answered to be over"));
                }
                Seen::Bound(_) => {}
                // Who is slow beyond measure may be honest.
                Seen::Violation(text) if text.contains("in time") => {}
                Seen::Violation(text) => self.faults.push(format!("an honest phone broke a rule: {text}")),
                Seen::Bytes(link, bytes) => self.effects.push(Effect::Bytes(link, bytes)),
                Seen::Finished(link) => self.effects.push(Effect::Close(link)),
                Seen::Removed(link) => drop(self.links.remove(&link)),
            }
        }
    }

    /// What it has done since it was last asked; its faults, and what it sent, go into the world's books.
    pub(crate) fn said(
        &mut self,
        now_ms: u64,
        faults: &mut Vec<String>,
        sent: &mut Vec<(DeviceId, EntryId, u64)>,
    ) -> Vec<Effect> {
        faults.append(&mut self.faults);
        sent.extend(self.sent.drain(..).map(|(device, id)| (device, id, now_ms)));
        std::mem::take(&mut self.effects)
    }

    /// Lets everything happen that waits for nothing but its turn.
    pub(crate) fn settle(&mut self) {
        loop {
            self.idle.wait(&self.runtime);
            let told = std::mem::take(&mut *self.queue.lock().expect("nothing panics with it"));
            if told.is_empty() && !self.worker.is_ready() {
                return;
            }
            self.worker.begin_turn(self.now);
            told.into_iter().for_each(|told| self.handle(told));
            self.worker.end_turn();
            self.collect();
        }
    }

    fn handle(&mut self, told: Inbox) {
        match told {
            Inbox::Worker(command) => self.worker.handle_command(command),
            Inbox::Fault(text) => self.faults.push(text),
            Inbox::Answered(answered) => {
                if let Answered::Changed(device) = answered {
                    // From here on nothing that has ended may be sent.
                    self.note_left(device);
                }
                if let Answered::Barred(account) = &answered {
                    self.collect();
                    if self.awaited.remove(account) {
                        self.bar(account);
                    }
                }
                self.effects.push(Effect::Answered(answered));
            }
        }
    }

    /// Nobody will be in this account, from the answer on.
    pub(crate) fn await_bar(&mut self, account: &str) {
        self.awaited.insert(account.to_owned());
    }

    /// Whoever has its credentials may be in the account again, whatever was asked before.
    pub(crate) fn unbar(&mut self, account: &str) {
        self.awaited.remove(account);
        self.barred.remove(account);
    }

    /// From here on nobody comes into the account, and who is in it goes.
    fn bar(&mut self, account: &str) {
        self.barred.insert(account.to_owned());
        let since_ms = self.now.mono_ms;
        let links: Vec<u64> = self.links();
        self.leaving.extend(links.into_iter().map(|link| (link, account.to_owned(), since_ms)));
    }

    /// A session that has to end does, at the latest when what it has asked for is answered.
    fn look_for_stayers(&mut self) {
        for (link, account, since_ms) in std::mem::take(&mut self.leaving) {
            let Some(slot) = self.links.get(&link).copied() else { continue };
            if !self.worker.transport(slot).is_some_and(|pipe| pipe.is_live_as(&account)) {
                continue;
            }
            if self.now.mono_ms > since_ms + LEAVES_MS {
                self.faults.push(format!("a session of {account} goes on after that was answered to be over"));
            } else {
                self.leaving.push((link, account, since_ms));
            }
        }
    }

    fn note_left(&mut self, device: DeviceId) {
        if let Ok(Some(loaded)) = self.block_on(self.core.directory.load(device)) {
            self.left.insert(device, loaded.device.memberships);
        }
    }

    /// What the reference says of sending an entry: after a change was answered, nothing that it ended is sent.
    fn may_send(&self, device: DeviceId, id: EntryId) -> bool {
        let Some(known) = self.left.get(&device) else { return true };
        let mut read = self.disk.entry(AppId::DEFAULT, id);
        let Poll::Ready(Ok(Some(stored))) = poll_once(read.as_mut()) else { return true };
        let entry = stored.entry;
        let Some(routing) = entry.kind.routing().filter(|_| entry.kind.content().is_some()) else { return true };
        let mut held =
            known.iter().filter(|own| own.holds(entry.seq) && routing.audience.contains(&own.key)).peekable();
        held.peek().is_none() || held.any(|own| own.left.is_none())
    }

    /// What is ready without waiting.
    fn block_on<T>(&self, work: impl Future<Output = Result<T, longwire_core::CoreError>>) -> Result<T, String> {
        let mut work = std::pin::pin!(work);
        match poll_once(work.as_mut()) {
            Poll::Ready(result) => result.map_err(|error| error.to_string()),
            Poll::Pending => Err("it waits".into()),
        }
    }

    pub(crate) fn ask(&self, work: impl Future<Output = Option<Answered>> + Send + 'static) {
        let queue = Arc::clone(&self.queue);
        drop(self.runtime.spawn(async move {
            if let Some(answered) = work.await {
                queue.lock().expect("nothing panics with it").push_back(Inbox::Answered(answered));
            }
        }));
    }
}

pub(crate) fn poll_once<T>(work: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    work.poll(&mut Context::from_waker(Waker::noop()))
}

/// A key of an audience.
pub(crate) fn key(text: &str) -> AudienceKey {
    text.parse().expect("a key")
}
