//! A server process: the real core, one shard and the real stream machines, joined by a worker without sockets. What the network's
//! worker does with bytes, timers and TLS is done here again, in short; that part is not under test.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use longwire_c2s::{Outbox, Stream};
use longwire_core::devices::{Change, ChangeError};
use longwire_core::notification_manager::{Acceptance, Recalled};
use longwire_core::session_manager::{Command, Worker};
use longwire_core::{Clock, Core, CoreConfig, Env, Registration};
use longwire_model::delivery::Delivery;
use longwire_model::{AppId, AudienceKey, DeviceId, Entry, EntryId, Membership, Notification, Seq, Timestamp};
use longwire_protocol::jid::BareJid;
use longwire_router::{Now, Output, SessionKey, Shard};
use longwire_store::{LogPage, Store, StoreError};
use tokio::runtime::Runtime;

use crate::conn::{Conn, Done};
use crate::disk::Disk;
use crate::rng::Shared;
use crate::{DOMAIN, Mutation};

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

/// What reaches the worker, in order.
pub(crate) enum Inbox {
    Core(Command),
    Done(u64, Done),
    Page(SessionKey, longwire_model::Lane, Seq, Result<LogPage, StoreError>),
    Answered(Answered),
}

/// The answer to an operator's or sender's call.
pub(crate) enum Answered {
    Accepted(EntryId),
    Recalled(EntryId),
    Changed(DeviceId),
}

/// What the worker did to its connections, in order.
pub(crate) enum Effect {
    Bytes(u64, Vec<u8>),
    Close(u64),
    Answered(Answered),
}

/// Per device, what became of a notification.
pub(crate) type Listed = Vec<(DeviceId, Delivery)>;

pub(crate) type Queue = Arc<Mutex<VecDeque<Inbox>>>;

struct Desk {
    queue: Queue,
    watermark: Arc<AtomicU64>,
}

impl Worker for Desk {
    fn send(&self, command: Command) {
        self.queue.lock().expect("nothing panics with it").push_back(Inbox::Core(command));
    }

    fn watermark(&self) -> Seq {
        self.watermark.load(Ordering::Relaxed)
    }
}

/// A server process.
pub(crate) struct Server {
    runtime: Runtime,
    pub(crate) core: Arc<Core>,
    pub(crate) shard: Shard,
    pub(crate) queue: Queue,
    watermark: Arc<AtomicU64>,
    pub(crate) conns: BTreeMap<u64, Conn>,
    pub(crate) sessions: BTreeMap<SessionKey, u64>,
    pub(crate) out: Outbox,
    pub(crate) outputs: Vec<Output>,
    pub(crate) effects: Vec<Effect>,
    pub(crate) streams: Arc<longwire_c2s::Config>,
    pub(crate) now: Now,
    pub(crate) mutation: Option<Mutation>,
    /// What no session may be sent any more: the answer to the change has said so.
    pub(crate) left: BTreeMap<DeviceId, Vec<Membership>>,
    pub(crate) faults: Vec<String>,
}

impl Server {
    /// Starts a process on the disk: a generation is appended before anything is served.
    pub(crate) fn start(disk: &Arc<Disk>, hands: &Arc<Hands>, random: Shared, mutation: Option<Mutation>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
        let env = Env::new(Arc::clone(hands) as Arc<dyn Clock>, Arc::new(random));
        let config = CoreConfig {
            domain: DOMAIN.into(),
            registration: Registration::Open,
            heartbeat_max_s: 600,
            server_key: [9; 32],
            fast_token_ms: 14 * 24 * 3_600_000,
        };
        let store = Arc::clone(disk) as Arc<dyn Store>;
        let opening = async {
            let core = Core::open(store, env, config).await.expect("a store that answers");
            // Nothing is served meanwhile: the disk's waits are let go at once.
            let mut begun: Pin<Box<dyn Future<Output = _>>> = Box::pin(core.begin_generation());
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
        let desk = Desk { queue: Arc::clone(&queue), watermark: Arc::clone(&watermark) };
        core.sessions.set_workers(vec![Arc::new(desk)]);
        let mut streams = longwire_c2s::Config::new(BareJid::new(DOMAIN).expect("a domain"), [9; 32]);
        streams.registration = true;
        Self {
            shard: Shard::new(AppId::DEFAULT, core.log.generation(), last),
            runtime,
            core,
            queue,
            watermark,
            conns: BTreeMap::new(),
            sessions: BTreeMap::new(),
            out: Outbox::default(),
            outputs: Vec::new(),
            effects: Vec::new(),
            streams: Arc::new(streams),
            now: Now::default(),
            mutation,
            left: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// Begins work whose answer comes by the queue: carried out at once when it can be, like the network's worker does.
    pub(crate) fn spawn(&self, work: impl Future<Output = Inbox> + Send + 'static) {
        let _guard = self.runtime.enter();
        let mut work: Pin<Box<dyn Future<Output = Inbox> + Send>> = Box::pin(work);
        if let Poll::Ready(done) = poll_once(work.as_mut()) {
            self.queue.lock().expect("nothing panics with it").push_back(done);
            return;
        }
        let queue = Arc::clone(&self.queue);
        drop(self.runtime.spawn(async move {
            let done = work.await;
            queue.lock().expect("nothing panics with it").push_back(done);
        }));
    }

    /// Lets everything happen that waits for nothing but its turn.
    pub(crate) fn settle(&mut self) {
        self.carry_out();
        let mut quiet = 0;
        while quiet < 6 {
            self.runtime.block_on(async {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
            });
            let next = self.queue.lock().expect("nothing panics with it").pop_front();
            match next {
                Some(inbox) => {
                    quiet = 0;
                    self.handle(inbox);
                    self.carry_out();
                }
                None => quiet += 1,
            }
        }
    }

    fn handle(&mut self, inbox: Inbox) {
        match inbox {
            Inbox::Core(command) => self.handle_core(command),
            Inbox::Done(conn, done) => self.handle_done(conn, done),
            Inbox::Page(session, lane, upto, result) => match result {
                Ok(page) => self.shard.page(session, lane, &page, upto, self.now, &mut self.outputs),
                Err(_) => self.shard.page_failed(session, &mut self.outputs),
            },
            Inbox::Answered(answered) => {
                if let Answered::Changed(device) = answered {
                    // From here on nothing that has ended may be sent.
                    self.note_left(device);
                }
                self.effects.push(Effect::Answered(answered));
            }
        }
    }

    pub(crate) fn passed(&mut self) {
        self.watermark.store(self.shard.watermark(), Ordering::Relaxed);
        self.core.sessions.has_passed();
    }

    fn note_left(&mut self, device: DeviceId) {
        if let Ok(Some(loaded)) = self.block_on(self.core.directory.load(device)) {
            self.left.insert(device, loaded.device.memberships);
        }
    }

    /// What the reference says of sending `entry`: after a change was answered, nothing that it ended is sent.
    pub(crate) fn may_send(&self, device: DeviceId, entry: &Entry) -> bool {
        let Some(routing) = entry.kind.routing().filter(|_| entry.kind.content().is_some() && entry.seq > 0) else {
            return true;
        };
        let Some(known) = self.left.get(&device) else { return true };
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

    pub(crate) fn accept(&self, notification: Notification) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            match core.notifications.accept(notification, None).await {
                Ok(Acceptance::Accepted(accepted)) => Some(Answered::Accepted(accepted.id)),
                Ok(Acceptance::Repeated { .. } | Acceptance::Now { .. }) | Err(_) => None,
            }
        });
    }

    pub(crate) fn recall(&self, id: EntryId) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            match core.notifications.recall(id).await {
                Ok(Some(Recalled::Now | Recalled::Before)) => Some(Answered::Recalled(id)),
                Ok(None) | Err(_) => None,
            }
        });
    }

    pub(crate) fn change(&self, device: DeviceId, change: Change) {
        let core = Arc::clone(&self.core);
        self.ask(async move {
            match core.change(device, change).await {
                Ok(()) => Some(Answered::Changed(device)),
                Err(ChangeError::UnknownDevice | ChangeError::TooMany | ChangeError::Core(_)) => None,
            }
        });
    }

    fn ask(&self, work: impl Future<Output = Option<Answered>> + Send + 'static) {
        let queue = Arc::clone(&self.queue);
        drop(self.runtime.spawn(async move {
            if let Some(answered) = work.await {
                queue.lock().expect("nothing panics with it").push_back(Inbox::Answered(answered));
            }
        }));
    }

    /// The deliveries of a notification, as the API tells them; the disk must be quick.
    pub(crate) fn deliveries(&mut self, id: EntryId) -> Listed {
        let core = Arc::clone(&self.core);
        let answer: Arc<Mutex<Option<Listed>>> = Arc::default();
        let slot = Arc::clone(&answer);
        drop(self.runtime.spawn(async move {
            let listed = core.notifications.deliveries(id, None, 1_000).await.ok().flatten().unwrap_or_default();
            *slot.lock().expect("nothing panics with it") = Some(listed);
        }));
        self.settle();
        let listed = answer.lock().expect("nothing panics with it").take();
        listed.expect("the store answers at once")
    }
}

pub(crate) fn poll_once<T>(work: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    work.poll(&mut Context::from_waker(Waker::noop()))
}

/// A key of an audience.
pub(crate) fn key(text: &str) -> AudienceKey {
    text.parse().expect("a key")
}

/// A stream for a new connection.
pub(crate) fn stream(config: &Arc<longwire_c2s::Config>, seed: [u8; 32], now_ms: u64) -> Stream {
    let mut stream = Stream::new(Arc::clone(config), seed, now_ms);
    stream.handle_tls(Some([7; 32]), now_ms);
    stream
}
