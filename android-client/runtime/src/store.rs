//! The inbox of a host's devices: one SQLite database per process, one writer, group commit.
//!
//! Thousands of devices share each fsync; a device's step is answered when the group that holds it is on disk.

mod database;
pub mod known;
mod shape;

use std::path::Path;
use std::time::Duration;

use longwire_client::inbox::{Outcome, Snapshot, StoreError, Transaction};
use longwire_client_store::{DatabaseError, apply, find, is_made, load, make};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{Connection as _, SqliteConnection};
use tokio::sync::{mpsc, oneshot};

use database::{Connection, failed};
pub use longwire_client_store::{Known, OpenError};

/// Steps that wait; a device has one under way, so the bound makes only bursts wait.
const QUEUE: usize = 1_024;
/// Steps of one commit.
const GROUP_MAX: usize = 256;

enum Request {
    Load(u32, oneshot::Sender<Result<Snapshot, StoreError>>),
    Knows(u32, String, oneshot::Sender<Result<bool, StoreError>>),
    Apply(Step),
}

struct Step {
    device: u32,
    transaction: Transaction,
    answer: oneshot::Sender<Result<Vec<Outcome>, StoreError>>,
}

/// The store of all devices of this process. Clones share it.
#[derive(Debug, Clone)]
pub struct DeviceStore {
    requests: mpsc::Sender<Request>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Load(device, _) => f.debug_tuple("Load").field(device).finish(),
            Self::Knows(device, ..) => f.debug_tuple("Knows").field(device).finish(),
            Self::Apply(step) => f.debug_tuple("Apply").field(&step.device).finish(),
        }
    }
}

impl DeviceStore {
    /// Opens or creates the database and starts its writer.
    ///
    /// # Errors
    /// When the file cannot be opened, or was made by a newer version or a development build with other tables.
    pub async fn open(path: &Path) -> Result<Self, OpenError> {
        Self::open_with(&options(path)).await
    }

    async fn open_with(options: &SqliteConnectOptions) -> Result<Self, OpenError> {
        let mut connection = SqliteConnection::connect_with(options).await.map_err(|error| failed(&error))?;
        prepare(&mut connection).await?;
        let (requests, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(write(connection, receiver));
        Ok(Self { requests })
    }

    /// Reads what a device's process needs at its start.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn load(&self, device: u32) -> Result<Snapshot, StoreError> {
        let (answer, loaded) = oneshot::channel();
        self.request(Request::Load(device, answer)).await?;
        loaded.await.map_err(|_| closed())?
    }

    /// Whether a device has a notification, or had it not long ago.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn knows(&self, device: u32, id: String) -> Result<bool, StoreError> {
        let (answer, known) = oneshot::channel();
        self.request(Request::Knows(device, id, answer)).await?;
        known.await.map_err(|_| closed())?
    }

    /// Makes a device's step durable.
    ///
    /// # Errors
    /// When nothing of it was stored.
    pub async fn apply(&self, device: u32, transaction: Transaction) -> Result<Vec<Outcome>, StoreError> {
        let (answer, stored) = oneshot::channel();
        self.request(Request::Apply(Step { device, transaction, answer })).await?;
        stored.await.map_err(|_| closed())?
    }

    async fn request(&self, request: Request) -> Result<(), StoreError> {
        self.requests.send(request).await.map_err(|_| closed())
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(Duration::from_secs(5))
}

fn closed() -> StoreError {
    StoreError("the store is closed".to_owned())
}

/// Makes the database what this program knows.
async fn prepare(connection: &mut SqliteConnection) -> Result<(), OpenError> {
    if is_made(&mut Connection(connection)).await? {
        shape::check(connection).await?;
    } else {
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await.map_err(|error| failed(&error))?;
        make(&mut Connection(&mut transaction)).await?;
        transaction.commit().await.map_err(|error| failed(&error))?;
    }
    Ok(())
}

/// The one writer: what is there becomes one commit.
async fn write(mut connection: SqliteConnection, mut requests: mpsc::Receiver<Request>) {
    while let Some(first) = requests.recv().await {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Apply(step) => group.push(step),
                Request::Knows(device, id, answer) => {
                    let row = find(&mut Connection(&mut connection), device, &id).await;
                    drop(answer.send(row.map(|row| row.is_some()).map_err(StoreError::from)));
                }
                Request::Load(device, answer) => {
                    // Nobody waits any more when the device is gone.
                    let snapshot = load(&mut Connection(&mut connection), device).await;
                    drop(answer.send(snapshot.map_err(StoreError::from)));
                }
            }
            next = if group.len() < GROUP_MAX { requests.try_recv().ok() } else { None };
        }
        commit_group(&mut connection, group).await;
    }
    drop(connection.close().await);
}

/// Commits a group; when that fails, each step alone, so that one cannot fail the others.
async fn commit_group(connection: &mut SqliteConnection, group: Vec<Step>) {
    match commit(connection, &group).await {
        Ok(outcomes) => {
            for (step, outcomes) in group.into_iter().zip(outcomes) {
                drop(step.answer.send(Ok(outcomes)));
            }
        }
        Err(error) if group.len() == 1 => {
            group.into_iter().for_each(|step| drop(step.answer.send(Err(error.clone().into()))));
        }
        Err(_) => {
            for step in group {
                let alone = commit(connection, std::slice::from_ref(&step)).await;
                let outcomes = alone.map(|mut outcomes| outcomes.pop().unwrap_or_default());
                drop(step.answer.send(outcomes.map_err(StoreError::from)));
            }
        }
    }
}

/// All of a group or nothing; the connection is outside of any transaction afterwards.
///
/// The transaction is begun and ended by statements: that of sqlx counts one as open for as long as its own `ROLLBACK` fails, and that
/// fails where SQLite has rolled back by itself, as it does when there is no room. Then nothing was ever stored again.
async fn commit(connection: &mut SqliteConnection, group: &[Step]) -> Result<Vec<Vec<Outcome>>, DatabaseError> {
    if group.is_empty() {
        return Ok(Vec::new());
    }
    run(connection, "BEGIN IMMEDIATE").await?;
    let done = carry_out(connection, group).await;
    if done.is_err() {
        // An error says that SQLite has done it; were it open still, the next `BEGIN` would be told.
        drop(run(connection, "ROLLBACK").await);
    }
    done
}

async fn carry_out(connection: &mut SqliteConnection, group: &[Step]) -> Result<Vec<Vec<Outcome>>, DatabaseError> {
    let mut outcomes = Vec::with_capacity(group.len());
    for step in group {
        outcomes.push(apply(&mut Connection(connection), step.device, &step.transaction).await?);
    }
    run(connection, "COMMIT").await?;
    Ok(outcomes)
}

async fn run(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), DatabaseError> {
    sqlx::query(statement).execute(connection).await.map(drop).map_err(|error| failed(&error))
}

#[cfg(test)]
mod tests;
