//! Carrying the write-ahead log over into the database, on a connection of its own: no commit waits for it.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use longwire_store::StoreError;
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use crate::sql::{column, statement};
use crate::{Inner, direct};

/// Pages in the write-ahead log above which writers wait while the last of it is carried over, so that it starts anew: 8 MiB. What overwrites
/// an old log syncs its pages alone; what makes the file longer waits for the file system's own records as well. Whoever reads one state of
/// the database for long, as a backup does, keeps it from starting anew: then it grows until that is over.
const LOG_PAGES_MAX: i64 = 2 * 1024;

/// Carries over what no reader still needs to find in the log, waiting for nobody; gives how many pages the log has.
const CARRY_OVER: &str = "PRAGMA wal_checkpoint(PASSIVE)";

/// Carries over whenever enough was written, until the store is gone or closed; then its connection is closed when this returns.
pub(crate) async fn run(store: Weak<Inner>, due: Arc<tokio::sync::Notify>) {
    let mut conn = None;
    loop {
        due.notified().await;
        let open = store.upgrade().filter(|store| !store.is_closing.load(Ordering::Acquire));
        let Some(store) = open else {
            close(conn).await;
            return;
        };
        if let Err(error) = carry_over(&store, &mut conn).await {
            conn = None;
            if store.failure.is_closed() {
                return;
            }
            if error.is_retryable() {
                tracing::warn!(%error, "the write-ahead log is not carried over for now");
            } else {
                tracing::error!(%error, "failed to carry over the write-ahead log");
            }
        }
    }
}

async fn close(conn: Option<SqliteConnection>) {
    if let Some(conn) = conn
        && let Err(error) = conn.close().await
    {
        tracing::warn!(%error, "failed to close what carries the write-ahead log over");
    }
}

async fn carry_over(store: &Inner, slot: &mut Option<SqliteConnection>) -> Result<(), StoreError> {
    let note = |error| store.failure.note(&error);
    let conn = match slot {
        Some(conn) => conn,
        None => slot.insert(store.place.carrier().await.map_err(note)?),
    };
    let row = statement(CARRY_OVER, []).fetch_one(conn).await.map_err(note)?;
    if column::<i64>(&row, "log").map_err(note)? > LOG_PAGES_MAX {
        store.writer.run(|writer| direct::first(&writer.conn, CARRY_OVER, [], |_| Ok(()))).await?;
    }
    Ok(())
}
