//! Copies of a database that may be in use, and the check of such a copy.

use std::fs::File;
use std::io;
use std::path::Path;

use longwire_model::{AppId, GenerationId, Seq};
use sqlx::sqlite::SqliteConnection;
use sqlx::{ConnectOptions as _, Connection as _};

use crate::error::OpenError;
use crate::open::{self, Options, Place};
use crate::read::devices::head_of;
use crate::sql::{Value, column, statement};
use crate::trace::Tracer;

/// How far a copy goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The version of its schema.
    pub schema: i64,
    /// The last position of its log.
    pub last: Seq,
    /// The generation that this position belongs to.
    pub generation: GenerationId,
}

/// Copies the database in `dir` to the new file `to`: what was committed at one instant, also while a server goes on writing. The copy is
/// on disk and checked when this returns.
///
/// # Errors
/// [`OpenError`]; what there is of `to` then is of no use.
pub async fn copy(dir: &Path, to: &Path) -> Result<Mark, OpenError> {
    let place = Place::new(dir, Options::default());
    let io = |source| OpenError::Io { path: to.to_owned(), source };
    let name = to.to_str().ok_or_else(|| io(io::Error::other("the name is not UTF-8")))?;
    let failed = |source| OpenError::Copy { path: to.to_owned(), source };
    let opened = place.common().connect().await;
    let mut conn = opened.map_err(|error| open::failed(&place, error))?;
    open::refuse_newer(&place, &mut conn).await?;
    // One statement reads one state of the database, and keeps no writer waiting.
    statement("VACUUM INTO ?", [Value::from(name)]).execute(&mut conn).await.map_err(failed)?;
    conn.close().await.map_err(failed)?;
    // The copy is made without syncs.
    File::open(to).and_then(|file| file.sync_all()).map_err(io)?;
    verify(to).await
}

/// Checks every page, index and reference of the database in `file`, which nobody writes to.
///
/// # Errors
/// [`OpenError`] when it is damaged, newer than this program, or no database of Longwire.
pub async fn verify(file: &Path) -> Result<Mark, OpenError> {
    let place = Place { path: file.to_owned(), options: Options::default(), tracer: Tracer::new() };
    let mut conn = place.common().read_only(true).connect().await.map_err(|error| open::failed(&place, error))?;
    let found = examine(&place, &mut conn).await;
    conn.close().await.map_err(|error| open::failed(&place, error))?;
    found
}

async fn examine(place: &Place, conn: &mut SqliteConnection) -> Result<Mark, OpenError> {
    let failed = |error| open::failed(place, error);
    let damaged = |detail: String| OpenError::Damaged { path: place.path.clone(), detail: detail.replace('\n', " ") };
    let row = statement("PRAGMA integrity_check(1)", []).fetch_one(&mut *conn).await.map_err(failed)?;
    let detail: String = column(&row, "integrity_check").map_err(failed)?;
    if detail != "ok" {
        return Err(damaged(detail));
    }
    if statement("PRAGMA foreign_key_check", []).fetch_optional(&mut *conn).await.map_err(failed)?.is_some() {
        return Err(damaged("a row refers to one that is not there".to_owned()));
    }
    open::refuse_newer(place, conn).await?;
    let schema = open::version(place, conn).await?.ok_or_else(|| damaged("it has no tables of Longwire".to_owned()))?;
    let head = head_of(conn, AppId::DEFAULT).await.map_err(failed)?;
    let generation = head.generations.last().map_or(GenerationId(0), |newest| newest.id);
    Ok(Mark { schema, last: head.last, generation })
}
