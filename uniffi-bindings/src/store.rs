//! The platform's database: one thread of its own, since a transaction of Android's SQLite belongs to a thread.

mod contents;
mod database;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use longwire_client::Event;
use longwire_client::account::Record;
use longwire_client::clock::ServerClock;
use longwire_client::inbox::{Outcome, Snapshot, StoreError, Transaction};
use longwire_client_store as sql;
use longwire_client_store::DatabaseError;
use longwire_driver::rim::BootClock;
use longwire_protocol::DateTime;
use tokio::sync::{mpsc, oneshot};

use crate::log::Log;
use crate::{InboxItem, Platform, PushError, vm};
use database::{PlatformDatabase, ready, within};

/// Jobs that wait for the thread; whoever brings one more waits too.
const JOBS: usize = 64;
/// The one device of a phone, in tables that hold many.
const DEVICE: u32 = 0;

type Job = Box<dyn FnOnce(&mut PlatformDatabase) + Send>;

/// The store of a phone. Clones share its thread, which ends with the last of them.
#[derive(Clone)]
pub(crate) struct Store {
    jobs: mpsc::Sender<Job>,
}

impl Store {
    /// Starts the thread, makes the tables when they are not there, and reads who the phone is.
    pub(crate) fn open(platform: &Arc<dyn Platform>) -> Result<(Self, Record), PushError> {
        let (jobs, waiting) = mpsc::channel(JOBS);
        let (answer, opened) = std::sync::mpsc::sync_channel(1);
        let platform = Arc::clone(platform);
        let thread = std::thread::Builder::new().name("longwire-store".to_owned());
        let spawned = thread.spawn(move || {
            let _attached = vm::attach();
            let mut database = PlatformDatabase::new(Arc::clone(&platform));
            let record = catch_unwind(AssertUnwindSafe(|| open(&mut database)));
            let record = record.unwrap_or_else(|_| Err(internal("the database could not be opened")));
            let is_open = record.is_ok();
            // Whoever asked is gone when this fails.
            drop(answer.send(record));
            if is_open {
                work(&mut database, waiting, &Log(platform));
            }
        });
        spawned.map_err(|error| internal(&format!("no thread for the store: {error}")))?;
        let record = opened.recv().map_err(|_| internal("the store's thread ended"))??;
        Ok((Self { jobs }, record))
    }

    /// What a process needs at its start.
    pub(crate) async fn load(&self) -> Result<Snapshot, StoreError> {
        self.ask(|database| Ok(ready(sql::load(database, DEVICE))?)).await
    }

    /// Makes a step durable.
    pub(crate) async fn apply(&self, transaction: Transaction) -> Result<Vec<Outcome>, StoreError> {
        self.ask(move |database| Ok(within(database, |database| apply(database, &transaction))?)).await
    }

    /// Makes durable what the app or its user says, without a driver: the phone's process may have been started for this alone.
    pub(crate) async fn said(&self, event: Event, clock: BootClock) -> Result<(), StoreError> {
        self.ask(move |database| said(database, event, &clock)).await
    }

    /// The same, for whoever does not wait; whether the thread will see to it.
    pub(crate) fn tell(&self, event: Event, clock: BootClock, log: Log) -> bool {
        let job: Job = Box::new(move |database| {
            if let Err(error) = said(database, event, &clock) {
                log.error(&error.to_string());
            }
        });
        self.jobs.try_send(job).is_ok()
    }

    /// Whether the phone has a notification, or had it not long ago.
    pub(crate) async fn knows(&self, id: String) -> Result<bool, StoreError> {
        self.ask(move |database| Ok(ready(sql::find(database, DEVICE, &id))?.is_some())).await
    }

    /// Whether the app is done with a notification.
    pub(crate) async fn is_done(&self, id: String) -> Result<bool, StoreError> {
        let is_done = move |database: &mut PlatformDatabase| {
            let row = ready(sql::find(database, DEVICE, &id))?;
            Ok(row.is_some_and(|row| !row.state.is_open()))
        };
        self.ask(is_done).await
    }

    /// The inbox, the newest first; none when there is no notification `before`.
    pub(crate) async fn inbox(&self, limit: u32, before: Option<String>) -> Result<Option<Vec<InboxItem>>, StoreError> {
        self.ask(move |database| Ok(contents::list(database, limit, before.as_deref())?)).await
    }

    /// One notification of the inbox.
    pub(crate) async fn item(&self, id: String) -> Result<Option<InboxItem>, StoreError> {
        self.ask(move |database| Ok(contents::item(database, &id)?)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut PlatformDatabase) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (answer, answered) = oneshot::channel();
        // Whoever asked may be gone.
        let job: Job = Box::new(move |database| drop(answer.send(job(database))));
        let closed = || StoreError("the store is closed".to_owned());
        self.jobs.send(job).await.map_err(|_| closed())?;
        answered.await.map_err(|_| closed())?
    }
}

fn work(database: &mut PlatformDatabase, mut jobs: mpsc::Receiver<Job>, log: &Log) {
    while let Some(job) = jobs.blocking_recv() {
        if catch_unwind(AssertUnwindSafe(|| job(database))).is_err() {
            log.error("a defect: the store panicked");
            database.abandon();
        }
    }
}

fn open(database: &mut PlatformDatabase) -> Result<Record, PushError> {
    let is_made = ready(sql::is_made(database)).map_err(|error| storage(&error))?;
    if !is_made {
        within(database, |database| ready(sql::make(database)).map_err(|error| DatabaseError::Failed(chain(&error))))
            .map_err(|error| storage(&error))?;
    }
    contents::make(database).map_err(|error| storage(&error))?;
    Ok(ready(sql::record(database, DEVICE)).map_err(|error| storage(&error))?.unwrap_or_default())
}

/// A step, and what of its content the inbox keeps.
fn apply(database: &mut PlatformDatabase, transaction: &Transaction) -> Result<Vec<Outcome>, DatabaseError> {
    let outcomes = ready(sql::apply(database, DEVICE, transaction))?;
    for (change, outcome) in transaction.changes.iter().zip(&outcomes) {
        contents::keep(database, change, outcome)?;
    }
    Ok(outcomes)
}

fn said(database: &mut PlatformDatabase, event: Event, clock: &BootClock) -> Result<(), StoreError> {
    let record = ready(sql::record(database, DEVICE))?.unwrap_or_default();
    let now_ms = clock.now_ms();
    let at_ms = ServerClock::restore(record.anchor.as_ref(), record.known_ms, clock.boot_id(), now_ms).at(now_ms);
    let transaction = Transaction { at_ms, changes: event.said(DateTime(at_ms)) };
    within(database, |database| apply(database, &transaction))?;
    Ok(())
}

fn storage(error: &dyn std::error::Error) -> PushError {
    PushError::Storage { text: chain(error) }
}

/// An error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

fn internal(text: &str) -> PushError {
    PushError::Internal { text: text.to_owned() }
}

#[cfg(test)]
mod tests;
