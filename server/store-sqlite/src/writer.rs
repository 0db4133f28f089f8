//! The one connection that writes, on a thread of its own: a group goes there whole, and its answers come back whole.

use std::collections::HashMap;
use std::sync::Arc;
use std::{io, thread};

use longwire_model::{AppId, Seq};
use longwire_store::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use crate::commit::States;
use crate::direct;
use crate::error::Failure;
use crate::open::Place;
use crate::owed::{Owed, Said};

/// What may wait for the thread; whoever brings more waits until there is room. The log brings one group at a time.
const JOBS_MAX: usize = 64;

/// The connection, and what it knows of the database.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) conn: Connection,
    /// The last positions of the logs that it has appended to: nobody else does.
    pub(crate) ends: HashMap<AppId, Seq>,
    /// States of devices that it has written.
    pub(crate) states: States,
    /// Rows that are not written yet.
    pub(crate) owed: Arc<Owed>,
    /// What the database says of them.
    pub(crate) said: Said,
}

/// A handle of the thread. It ends behind what was brought to it, when this is gone or it was closed.
#[derive(Debug)]
pub(crate) struct WriterThread {
    jobs: mpsc::Sender<Job>,
    failure: Arc<Failure>,
}

enum Job {
    Work(Box<dyn FnOnce(&mut Keeper) + Send>),
    Close(oneshot::Sender<()>),
}

impl WriterThread {
    /// Starts it with a writer.
    ///
    /// # Errors
    /// That of the system when it gives no thread.
    pub(crate) fn start(place: Place, writer: Writer, failure: Arc<Failure>) -> io::Result<Self> {
        let (jobs, receiver) = mpsc::channel(JOBS_MAX);
        let owed = Arc::clone(&writer.owed);
        let keeper = Keeper { place, failure: Arc::clone(&failure), owed, writer: Some(writer) };
        thread::Builder::new().name("store-writer".to_owned()).spawn(move || keeper.keep(receiver))?;
        Ok(Self { jobs, failure })
    }

    /// Runs `work` there and waits for it; it runs as well when nobody waits any more. What it changes must be one transaction. After an error
    /// its connection is not used again: the transaction ends with it, before this returns.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Writer) -> direct::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (reply, done) = oneshot::channel();
        // Whoever does not wait any more does not want to know.
        let work = Box::new(move |keeper: &mut Keeper| drop(reply.send(keeper.run(work))));
        self.jobs.send(Job::Work(work)).await.map_err(|_| self.ended())?;
        done.await.unwrap_or_else(|_| Err(self.ended()))
    }

    /// Closes the connection behind what was brought before, and ends the thread.
    pub(crate) async fn close(&self) {
        let (reply, done) = oneshot::channel();
        if self.jobs.send(Job::Close(reply)).await.is_ok() {
            // An error means that the thread has ended, which is what was asked for.
            drop(done.await);
        }
    }

    /// It was closed, or it has panicked: then nobody knows what is on disk.
    fn ended(&self) -> StoreError {
        self.failure.fail("the thread that writes has ended")
    }
}

impl Writer {
    /// A writer over a connection, behind one whose last transaction may have failed.
    ///
    /// # Errors
    /// That of SQLite.
    pub(crate) fn new(conn: Connection, owed: Arc<Owed>) -> direct::Result<Self> {
        owed.cut(&conn)?;
        let said = Said::read(&conn)?;
        Ok(Self { conn, ends: HashMap::new(), states: States::default(), owed, said })
    }

    /// Writes a part of what is owed; gives how many rows, or none when nothing is owed any more.
    ///
    /// # Errors
    /// That of SQLite.
    pub(crate) fn pay(&mut self) -> direct::Result<Option<usize>> {
        let Self { conn, owed, said, .. } = self;
        if !said.is_owed() {
            owed.begin_period();
            return Ok(None);
        }
        let writing = direct::transaction(conn, || owed.write_part(conn, said))?;
        Ok(Some(owed.committed(&writing)))
    }

    /// Leaves the database as one that owes nothing, which older programs can open, and closes it.
    fn close(mut self) -> direct::Result<()> {
        while self.pay()?.is_some() {}
        self.conn.close().map_err(|(_, error)| error)
    }
}

/// What the thread has.
struct Keeper {
    place: Place,
    failure: Arc<Failure>,
    owed: Arc<Owed>,
    /// None after a failure, until the next work opens another.
    writer: Option<Writer>,
}

impl Keeper {
    fn keep(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                Job::Work(work) => work(&mut self),
                Job::Close(done) => {
                    self.close();
                    jobs.close();
                    done.send(()).unwrap_or_default();
                }
            }
        }
    }

    fn run<T>(&mut self, work: impl FnOnce(&mut Writer) -> direct::Result<T>) -> Result<T, StoreError> {
        self.failure.check()?;
        let done = self.open().and_then(work);
        done.map_err(|error| {
            self.writer = None;
            self.owed.doubt();
            self.failure.note(&error)
        })
    }

    fn open(&mut self) -> direct::Result<&mut Writer> {
        if self.writer.is_none() {
            self.writer = Some(Writer::new(self.place.writer()?, Arc::clone(&self.owed))?);
        }
        Ok(self.writer.as_mut().expect("it was opened"))
    }

    /// Closes the connection, or another one where the last work has failed, so that nothing is owed.
    fn close(&mut self) {
        if self.failure.close()
            && let Err(error) = self.settle()
        {
            tracing::warn!(%error, "failed to close the store: what its indexes are owed is written behind the next start");
        }
        self.writer = None;
    }

    fn settle(&mut self) -> direct::Result<()> {
        self.open()?;
        self.writer.take().map_or(Ok(()), Writer::close)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Options;
    use crate::owed::Bounds;

    fn start(place: Place) -> WriterThread {
        let conn = Connection::open(&place.path).expect("a database");
        conn.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT").expect("a table");
        let owed = Owed::new(Bounds { rows_max: 8, rows_at_once: 0 });
        let writer = Writer::new(conn, Arc::new(owed)).expect("a writer");
        WriterThread::start(place, writer, Arc::new(Failure::default())).expect("a thread")
    }

    fn insert(number: i64) -> impl FnOnce(&mut Writer) -> direct::Result<usize> {
        move |writer| direct::execute(&writer.conn, "INSERT INTO t (a) VALUES (?)", [number.into()])
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_for_good_and_nobody_waits_for_ever() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = start(Place::new(dir.path(), Options::default()));
        writer.run(insert(1)).await.expect("a row");
        let panicked = writer.run(|_| -> direct::Result<()> { panic!("planted") }).await;
        assert!(matches!(panicked, Err(StoreError::Fatal(_))), "{panicked:?}");
        let refused = writer.run(insert(2)).await;
        assert!(matches!(refused, Err(StoreError::Fatal(_))), "{refused:?}");
        assert!(writer.failure.reason().is_some());
        writer.close().await;
    }

    #[tokio::test]
    async fn an_error_takes_the_connection_with_it_and_the_next_work_has_another() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = start(Place::new(dir.path(), Options::default()));
        let refused = writer
            .run(|writer| {
                direct::transaction(&writer.conn, || {
                    direct::execute(&writer.conn, "INSERT INTO t (a) VALUES (3)", [])?;
                    direct::execute(&writer.conn, "INSERT INTO t (a) VALUES (3)", [])
                })
            })
            .await;
        assert!(matches!(&refused, Err(error) if error.is_retryable()), "{refused:?}");
        writer.run(insert(3)).await.expect("nothing of the transaction is there");
    }

    #[tokio::test]
    async fn what_was_brought_before_the_close_is_done_and_nothing_after_it() {
        let dir = tempfile::tempdir().expect("a directory");
        let writer = start(Place::new(dir.path(), Options::default()));
        let (first, (), second) = tokio::join!(writer.run(insert(1)), writer.close(), writer.run(insert(2)));
        first.expect("a row");
        assert!(matches!(second, Err(StoreError::Fatal(_))), "{second:?}");
        let conn = Connection::open(dir.path().join(crate::FILE)).expect("the database");
        let rows = direct::all(&conn, "SELECT a FROM t", [], |row| direct::seq(row, "a")).expect("rows");
        assert_eq!(rows, [1]);
    }
}
