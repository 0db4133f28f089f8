//! Carrying the write-ahead log over into the database, on a connection of its own: no commit waits for it.

use std::sync::{Arc, Weak};

use sqlx::sqlite::SqliteConnection;

use crate::Inner;
use crate::sql::{column, statement};

/// Pages in the write-ahead log above which writers wait while the last of it is carried over, so that it starts anew: 8 MiB. What overwrites
/// an old log syncs its pages alone; what makes the file longer waits for the file system's own records as well. Whoever reads one state of
/// the database for long, as a backup does, keeps it from starting anew: then it grows until that is over.
const LOG_PAGES_MAX: i64 = 2 * 1024;

/// Carries over whenever enough was written, until the store is gone.
pub(crate) async fn run(store: Weak<Inner>, due: Arc<tokio::sync::Notify>) {
    let mut conn = None;
    loop {
        due.notified().await;
        let Some(store) = store.upgrade() else { return };
        if let Err(error) = carry_over(&store, &mut conn).await {
            conn = None;
            if store.note(&error).is_retryable() {
                tracing::warn!(%error, "the write-ahead log is not carried over for now");
            } else {
                tracing::error!(%error, "failed to carry over the write-ahead log");
            }
        }
    }
}

async fn carry_over(store: &Inner, slot: &mut Option<SqliteConnection>) -> Result<(), sqlx::Error> {
    let conn = match slot {
        Some(conn) => conn,
        None => slot.insert(store.place.carrier().await?),
    };
    if pass(conn).await? > LOG_PAGES_MAX {
        let _writer = store.writer.lock().await;
        pass(conn).await?;
    }
    Ok(())
}

/// Carries over what no reader still needs to find in the log, waiting for nobody; gives how many pages the log has.
async fn pass(conn: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let row = statement("PRAGMA wal_checkpoint(PASSIVE)", []).fetch_one(conn).await?;
    column(&row, "log")
}
