//! The log's one writer: groups what is waiting, commits it, announces it in commit order, answers (DESIGN §7).

mod group;
mod kept;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use longwire_model::device::Generation;
use longwire_model::{AppId, Entry, EntryKind, GenerationId, Seq};
use longwire_router::Batch;
use longwire_store::read::Head;
use longwire_store::{Store, StoreError, Write, Written};
use tokio::sync::{mpsc, oneshot};

use crate::auth_manager::ApiKeys;
use crate::directory::{Directory, Effect};
use crate::env::HeavyWork;
use crate::error::CoreError;
use crate::metrics::Metrics;
use crate::session_manager::SessionManager;

use group::Groups;
use kept::Kept;

/// Requests that may wait for the writer; above it a write is refused as unavailable.
const WAITING_MAX: usize = 16_384;

/// A handle of the log; cheap to clone.
#[derive(Clone)]
pub struct Log {
    app: AppId,
    sender: mpsc::Sender<Request>,
    kept: Arc<Kept>,
    state: Arc<State>,
}

/// Who hears of what was committed, in this order.
pub struct Listeners {
    /// Keeps device records current.
    pub directory: Arc<Directory>,
    /// Keeps API keys current.
    pub api_keys: Arc<ApiKeys>,
    /// Hands batches to the workers.
    pub sessions: Arc<SessionManager>,
    /// Counts.
    pub metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct State {
    last: AtomicU64,
    floor: AtomicU64,
    generations: RwLock<Arc<[Generation]>>,
    /// Why the store failed for good.
    failure: OnceLock<String>,
    /// Writes that were refused because too many waited.
    refused: AtomicU64,
    /// Groups that the store has refused since it appended something.
    failures: AtomicU64,
}

struct Request {
    writes: Vec<Write>,
    reply: Reply,
}

type Answer = Result<Vec<Written>, CoreError>;
type Callback = Box<dyn FnOnce(Answer) + Send>;

enum Reply {
    Waiter(oneshot::Sender<Answer>),
    Callback(Callback),
    Close(oneshot::Sender<()>),
}

impl Log {
    /// Starts the writer on the current tokio runtime. Where `heavy` work is done in place, so that nothing depends on threads, nothing
    /// depends on timers either: see [`Log::post`].
    #[must_use]
    pub fn start(
        app: AppId,
        store: Arc<dyn Store>,
        head: &Head,
        floor: Seq,
        heavy: HeavyWork,
        listeners: Listeners,
    ) -> Self {
        let (sender, receiver) = mpsc::channel(WAITING_MAX);
        let state = Arc::new(State {
            last: AtomicU64::new(head.last),
            floor: AtomicU64::new(floor),
            generations: RwLock::new(head.generations.clone().into()),
            failure: OnceLock::new(),
            refused: AtomicU64::new(0),
            failures: AtomicU64::new(0),
        });
        let delay = match heavy {
            HeavyWork::OnThreads => Some(group::KEPT),
            HeavyWork::InPlace => None,
        };
        let writer = Writer { store, state: Arc::clone(&state), listeners };
        let kept = Arc::<Kept>::default();
        tokio::spawn(writer.run(Groups::new(receiver, delay, Arc::clone(&kept))));
        Self { app, sender, kept, state }
    }

    /// The app whose log this is.
    #[must_use]
    pub const fn app(&self) -> AppId {
        self.app
    }

    /// The log's end: the last committed position.
    #[must_use]
    pub fn last(&self) -> Seq {
        self.state.last.load(Ordering::Acquire)
    }

    /// The position below which the log is no longer complete.
    #[must_use]
    pub fn floor(&self) -> Seq {
        self.state.floor.load(Ordering::Acquire)
    }

    /// A sweep has moved the floor.
    pub fn raise_floor(&self, floor: Seq) {
        self.state.floor.fetch_max(floor, Ordering::AcqRel);
    }

    /// The generations, ascending.
    #[must_use]
    pub fn generations(&self) -> Arc<[Generation]> {
        Arc::clone(&self.state.generations.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// The newest generation.
    #[must_use]
    pub fn generation(&self) -> GenerationId {
        self.state.generation()
    }

    /// Why nothing can be written any more: the store has failed for good, or the writer has gone.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        let is_gone = || self.sender.is_closed().then(|| "the log's writer has ended".to_owned());
        self.state.failure.get().cloned().or_else(is_gone)
    }

    /// Whether the store has refused a group of writes, and has appended nothing since: it may have room for less than an entry.
    #[must_use]
    pub fn is_doubted(&self) -> bool {
        self.state.failures.load(Ordering::Acquire) > 0
    }

    /// The store was found to write.
    pub(crate) fn trust(&self) {
        self.state.trust();
    }

    /// Writes one thing; it is on disk when this returns.
    ///
    /// # Errors
    /// [`CoreError`]; nothing was written.
    pub async fn write(&self, write: Write) -> Result<Written, CoreError> {
        let mut written = self.write_all(vec![write]).await?;
        written.pop().ok_or_else(|| CoreError::Fatal("the store did not answer a write".to_owned()))
    }

    /// Writes several things in one transaction; they are on disk when this returns.
    ///
    /// # Errors
    /// [`CoreError`]; nothing was written.
    pub async fn write_all(&self, writes: Vec<Write>) -> Answer {
        let (sender, receiver) = oneshot::channel();
        self.sender.try_send(Request { writes, reply: Reply::Waiter(sender) }).map_err(|error| self.refusal(&error))?;
        receiver.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Queues writes without waiting; `done` is called by the writer, and must not block. What devices have acknowledged, that they came and
    /// went, and their tokens are written in the caller's order, within 50 ms (and the commit of then) or right before the next request, so
    /// that many share their pages, their sync and a wake of the writer; acknowledgements are passed by notifications.
    pub fn post(&self, writes: Vec<Write>, done: impl FnOnce(Answer) + Send + 'static) {
        let request = Request { writes, reply: Reply::Callback(Box::new(done)) };
        let send = |request| self.sender.try_send(request);
        let sent = if request.may_be_kept() { self.kept.put(request, send) } else { send(request) };
        if let Err(error) = sent {
            let why = self.refusal(&error);
            error.into_inner().reply.give(Err(why));
        }
    }

    /// Whether more than half of what may wait for the writer does: whoever can put something off should.
    #[must_use]
    pub fn is_crowded(&self) -> bool {
        self.sender.capacity() < WAITING_MAX / 2
    }

    /// Waits until everything that was queued before is on disk.
    ///
    /// # Errors
    /// [`CoreError`]: what was queued with it was not written.
    pub async fn settle(&self) -> Result<(), CoreError> {
        self.write_all(Vec::new()).await.map(drop)
    }

    /// Writes what is queued and stops.
    pub async fn close(&self) {
        let (sender, receiver) = oneshot::channel();
        let request = Request { writes: Vec::new(), reply: Reply::Close(sender) };
        if self.sender.send(request).await.is_ok() {
            // An error means that the writer has ended already, which is what was asked for.
            let _: Result<(), _> = receiver.await;
        }
    }

    fn refusal(&self, error: &mpsc::error::TrySendError<Request>) -> CoreError {
        match error {
            mpsc::error::TrySendError::Full(_) => {
                // One line for ever more of them: what refuses writes must not fill the disk with words about it.
                let refused = self.state.refused.fetch_add(1, Ordering::Relaxed) + 1;
                if refused.is_power_of_two() {
                    tracing::warn!(refused, "writes are refused: more than {WAITING_MAX} wait for the store");
                }
                CoreError::Unavailable("too many writes are waiting".to_owned())
            }
            mpsc::error::TrySendError::Closed(_) => closed(),
        }
    }
}

fn closed() -> CoreError {
    CoreError::Unavailable("the server is shutting down".to_owned())
}

impl State {
    /// The store writes.
    fn trust(&self) {
        let failures = self.failures.swap(0, Ordering::AcqRel);
        if failures > 0 {
            tracing::info!(failures, "groups of writes are committed again");
        }
    }

    fn generation(&self) -> GenerationId {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.last().map_or(GenerationId(0), |newest| newest.id)
    }

    fn begin(&self, generation: Generation) {
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        *generations = generations.iter().copied().chain([generation]).collect();
    }
}

struct Writer {
    store: Arc<dyn Store>,
    state: Arc<State>,
    listeners: Listeners,
}

impl Writer {
    async fn run(self, mut groups: Groups) {
        while let Some(group) = groups.next().await {
            if group.iter().any(|request| matches!(request.reply, Reply::Close(_))) {
                groups.close();
            }
            self.commit(group).await;
        }
    }

    async fn commit(&self, group: Vec<Request>) {
        let mut writes = Vec::new();
        let mut replies = Vec::with_capacity(group.len());
        for request in group {
            replies.push((request.writes.len(), request.reply));
            writes.extend(request.writes);
        }
        let effects: Vec<Option<Effect>> = writes.iter().map(Effect::of).collect();
        let result = if writes.is_empty() { Ok(Vec::new()) } else { self.store.commit(writes).await };
        match result {
            Ok(written) => {
                self.announce(&effects, &written);
                answer(replies, written);
            }
            Err(error) => self.fail(replies, error),
        }
    }

    /// In commit order: the directory first, so that a login never reads a record older than what its worker has seen.
    fn announce(&self, effects: &[Option<Effect>], written: &[Written]) {
        let entries: Vec<Arc<Entry>> = written.iter().filter_map(appended).cloned().collect();
        for entry in &entries {
            if let EntryKind::Generation(id) = entry.kind {
                self.state.begin(Generation { id, seq: entry.seq });
            }
        }
        let done = effects.iter().zip(written).filter(|(_, written)| matches!(written, Written::Done));
        let effects: Vec<&Effect> = done.filter_map(|(effect, _)| effect.as_ref()).collect();
        self.listeners.directory.apply(&entries, &effects);
        self.listeners.api_keys.apply(&effects);
        let Some(last) = entries.last().map(|entry| entry.seq) else { return };
        self.state.trust();
        let from = entries.first().map_or(last, |entry| entry.seq.saturating_sub(1));
        self.state.last.store(last, Ordering::Release);
        self.listeners.metrics.log_head.set(i64::try_from(last).unwrap_or(i64::MAX));
        let batch = Batch { generation: self.state.generation(), from, entries: entries.into() };
        self.listeners.sessions.announce(&Arc::new(batch));
    }

    fn fail(&self, replies: Vec<(usize, Reply)>, error: StoreError) {
        let error = CoreError::from(error);
        self.listeners.metrics.store_failures.inc();
        let failures = self.state.failures.fetch_add(1, Ordering::AcqRel) + 1;
        let is_news = match &error {
            CoreError::Fatal(why) => self.state.failure.set(why.clone()).is_ok(),
            // A disk that is full fails every group: a line for each would fill what is left of it.
            CoreError::Unavailable(_) => failures.is_power_of_two(),
        };
        if is_news {
            tracing::error!(%error, failures, "a group of writes was not committed");
        } else {
            tracing::debug!(%error, failures, "a group of writes was not committed");
        }
        for (_, reply) in replies {
            reply.give(Err(error.clone()));
        }
    }
}

const fn appended(written: &Written) -> Option<&Arc<Entry>> {
    match written {
        Written::Appended(entry) => Some(entry),
        Written::Done | Written::Unchanged | Written::Exists(_) | Written::Repeated { .. } | Written::Refused(_) => {
            None
        }
    }
}

fn answer(replies: Vec<(usize, Reply)>, written: Vec<Written>) {
    let mut written = written.into_iter();
    for (count, reply) in replies {
        reply.give(Ok(written.by_ref().take(count).collect()));
    }
}

impl Reply {
    fn give(self, answer: Answer) {
        match self {
            // A waiter that has gone away no longer wants to know.
            Self::Waiter(waiter) => drop(waiter.send(answer)),
            Self::Callback(done) => done(answer),
            Self::Close(closed) => drop(closed.send(())),
        }
    }
}
