//! What `entry_key` and `key_head` are still owed: rows of the newest entries, which lie all over these tables, and are written in the order of
//! keys, so that they share pages. Until then they are kept here, and readers add them to what the tables say; nobody waits for them.
//!
//! Rows are owed only while many come. The first of a period (a second) are written with their group; those behind them are owed, up to a bound,
//! above which each group writes as many as it adds. Behind a period everything is written, in parts that are transactions of their own
//! ([`payer`]), so that no group is longer for what others have left. While anything is owed the table `owed` says from where on a start finds
//! it in the log, and older programs refuse the database; the transaction that writes the last of it takes both away.

mod index;
pub(crate) mod payer;
mod rows;
mod table;

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use longwire_model::{AppId, AudienceKey, Entry, Seq};
use longwire_store::{LoadedDevice, LogQuery};
use rusqlite::Connection;
use tokio::sync::Notify;

use crate::direct;
use crate::sweep::Swept;
pub(crate) use index::Bounds;
use index::{Due, Index};
use rows::{Addressed, Row};
pub(crate) use table::write_head;

/// Rows of one part: no group waits long for one.
const PART_ROWS: usize = 256;

/// The rows that are owed. The thread that writes is the only one that changes them: it adds those of an entry before the entry's commit, and
/// takes them out behind the commit that writes them, so that each snapshot of the database has them, or they are here.
#[derive(Debug)]
pub(crate) struct Owed {
    index: Mutex<Index>,
    /// A period begins.
    begun: Notify,
}

impl Owed {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self { index: Mutex::new(Index::new(bounds)), begun: Notify::new() }
    }

    /// Finds what the database owes, at a start: the entries of at most two rounds (twice `rows_max` rows, and those of one group).
    ///
    /// # Errors
    /// That of SQLite.
    pub(crate) fn load(&self, conn: &Connection, said: &Said) -> direct::Result<()> {
        let mut index = self.lock();
        for (&app, &first) in said.0.iter().flatten() {
            table::rows(conn, app, first, |entry| index.load(entry))?;
        }
        let rows = index.count();
        drop(index);
        if said.is_owed() {
            tracing::info!(
                rows,
                "index rows that were not written before the last end are read from the log, and written now"
            );
            self.begin();
        }
        Ok(())
    }

    /// Takes out what a transaction has added that was not committed.
    ///
    /// # Errors
    /// That of SQLite.
    pub(crate) fn cut(&self, conn: &Connection) -> direct::Result<()> {
        let apps = self.lock().apps();
        for app in apps {
            let end = table::end(conn, app)?;
            self.lock().cut(app, end);
        }
        Ok(())
    }

    /// Adds the rows of an entry that is about to be committed; gives how many.
    pub(crate) fn add(&self, entry: &Entry) -> usize {
        let Some(routing) = entry.kind.routing() else { return 0 };
        let row = Row {
            lane: routing.lane,
            seq: entry.seq,
            audience_seq: entry.audience_seq(),
            has_no_content: entry.kind.content().is_none(),
        };
        if self.lock().add(&Addressed { app: entry.app, audience: &routing.audience, row }) {
            self.begin();
        }
        routing.audience.len()
    }

    /// Writes what a group that has added so many rows has to, within its transaction; and from where on rows are owed.
    ///
    /// # Errors
    /// That of SQLite.
    pub(crate) fn write_due(&self, conn: &Connection, said: &mut Said, added: usize) -> direct::Result<Writing> {
        let due = self.lock().due(added);
        self.write(conn, said, due)
    }

    /// Writes a part, in a transaction of its own.
    ///
    /// # Errors
    /// That of SQLite.
    pub(crate) fn write_part(&self, conn: &Connection, said: &mut Said) -> direct::Result<Writing> {
        let due = self.lock().part(PART_ROWS);
        self.write(conn, said, due)
    }

    fn write(&self, conn: &Connection, said: &mut Said, due: Due) -> direct::Result<Writing> {
        let first = self.lock().first_without(&due);
        let was_owed = said.is_owed();
        table::write_part(conn, &due.round)?;
        table::write_part(conn, &due.fresh)?;
        table::say(conn, &mut said.0, first)?;
        Ok(Writing { due, was_owed })
    }

    /// What was written is committed; gives how many rows.
    pub(crate) fn committed(&self, writing: &Writing) -> usize {
        self.lock().remove(&writing.due, writing.was_owed);
        writing.due.count()
    }

    /// Writes the heads that entries have raised, which are removed in the same transaction. Gives the keys that are owed rows of others.
    ///
    /// # Errors
    /// That of SQLite.
    pub(crate) fn write_heads(
        &self,
        conn: &Connection,
        app: AppId,
        swept: &HashSet<Seq>,
    ) -> direct::Result<Vec<AudienceKey>> {
        let (heads, held) = {
            let index = self.lock();
            (index.heads_of(app, swept), index.held(app, swept))
        };
        heads.into_iter().try_for_each(|(key, head)| write_head(conn, app, key.as_str(), (head, 0)))?;
        Ok(held)
    }

    /// This is gone, and that is committed.
    pub(crate) fn forget(&self, app: AppId, swept: &Swept) {
        self.lock().forget(app, swept);
    }

    /// Counts how often heads were forgotten; see [`Owed::raise`].
    pub(crate) fn turn(&self) -> u64 {
        self.lock().turn()
    }

    /// Raises the heads of a device that was read in a snapshot begun behind [`Owed::turn`].
    pub(crate) fn raise(&self, turn: u64, mut loaded: LoadedDevice) -> LoadedDevice {
        self.lock().raise(turn, &mut loaded);
        loaded
    }

    /// The positions of a query's candidates among the rows. To be asked before the snapshot: what is written meanwhile is in both.
    pub(crate) fn candidates(&self, query: &LogQuery) -> Vec<Seq> {
        self.lock().candidates(query)
    }

    /// A period is over: from now on all is written.
    fn end_period(&self) {
        self.lock().end_period();
    }

    /// Something was not written: there may be room for little, so that no more is owed until all is written.
    pub(crate) fn doubt(&self) {
        self.end_period();
        self.begin();
    }

    /// Nothing is owed: the next period begins with the next row.
    pub(crate) fn begin_period(&self) {
        self.lock().begin_period();
    }

    /// Wakes who waits for a period to begin.
    pub(crate) fn begin(&self) {
        self.begun.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the table `owed` says.
#[derive(Debug)]
pub(crate) struct Said(table::Firsts);

impl Said {
    /// # Errors
    /// That of SQLite.
    pub(crate) fn read(conn: &Connection) -> direct::Result<Self> {
        table::read(conn).map(Self)
    }

    pub(crate) const fn is_owed(&self) -> bool {
        self.0.is_some()
    }
}

/// Rows that are written and not yet committed.
#[must_use]
pub(crate) struct Writing {
    due: Due,
    was_owed: bool,
}
