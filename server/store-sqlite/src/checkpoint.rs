//! Carrying the write-ahead log over into the database, on a connection of its own: no commit waits for it.

use std::sync::{Arc, Weak};

use sqlx::sqlite::SqliteConnection;

use crate::Inner;
use crate::sql::{column, statement};

/// Pages in the write-ahead log above which writers wait until it is carried over and starts anew: 64 MiB. Whoever reads one state of the
/// database for long, as a backup does, keeps it from starting anew: then it grows until the next time.
const LOG_PAGES_MAX: i64 = 16 * 1024;

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
    let row = statement("PRAGMA wal_checkpoint(PASSIVE)", []).fetch_one(&mut *conn).await?;
    let pages: i64 = column(&row, "log")?;
    if pages > LOG_PAGES_MAX {
        let _writer = store.writer.lock().await;
        statement("PRAGMA wal_checkpoint(TRUNCATE)", []).fetch_one(conn).await?;
    }
    Ok(())
}
