//! Opening a data directory: connections, migrations, checks.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::OpenFlags;
use sqlx::migrate::{MigrateError, Migration, MigrationType, Migrator};
use sqlx::sqlite::{
    SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous,
};
use sqlx::{ConnectOptions as _, SqlSafeStr as _};

use crate::direct;
use crate::error::{OpenError, Told, is_damage, judge};
use crate::sql::{column, statement};
use crate::trace::Tracer;

/// The name of the database in the data directory.
pub const FILE: &str = "longwire.db";

/// What a connection may keep of the database's pages, in KiB (negative, as SQLite wants it; its default is 2 MiB). The system keeps the
/// file's pages once for all of them: what is missing here costs a copy of 4 KiB. The writer's should hold what one group changes.
const READER_CACHE: &str = "-256";
const WRITER_CACHE: &str = "-1024";

/// The migrations that a program must know to open the database, in order; never change one that was released. The newest that a database
/// has had is kept in it, as sqlx does: older programs refuse it.
const MIGRATIONS: [(i64, &str, &str); 2] = [
    (1, "log", include_str!("../migrations/0001_log.sql")),
    (2, "androidpn", include_str!("../migrations/0002_androidpn.sql")),
];

/// The migration that is there while indexes are owed anything, which an older program would overlook, and is taken back behind that.
const OWED: (i64, &str, &str) = (4, "owed", include_str!("../migrations/0004_owed.sql"));

/// What programs that do not know of it may overlook: columns with defaults, tables and indexes of their own. Numbered with the migrations,
/// but noted in the table `addition`, so that the way back to an older program stays open. They are carried out behind every migration, and
/// once only: a migration that builds on one has to come behind it in the database as well, and so makes it itself where it is missing.
const ADDITIONS: [(i64, &str, &str); 1] =
    [(3, "androidpn disabled", include_str!("../migrations/0003_androidpn_disabled.sql"))];

/// Statements that the writer keeps prepared: more than it has.
const WRITER_STATEMENTS: usize = 256;
/// Bytes of the write-ahead log that stay when it starts anew.
const LOG_BYTES_MAX: u32 = 64 * 1024 * 1024;

/// How a database is opened; the defaults are those of real use.
#[derive(Clone, Debug)]
pub struct Options {
    /// Connections for reading.
    pub readers: u32,
    /// How long a write waits for somebody else's lock.
    pub busy_timeout: Duration,
    /// The whole database is checked when it is opened, up to this size in bytes; above it only its header and schema.
    pub check_bytes_max: u64,
    /// Pages that the database may have at most: a disk that is full. For tests.
    pub pages_max: Option<u32>,
    /// Bytes written (estimated) after which the log is carried over into the database.
    pub checkpoint_bytes: u64,
    /// Rows of the indexes by key that are written later, together: at most so many behind a group.
    pub index_rows_max: usize,
    /// The first rows of a period, which are written with their group.
    pub index_rows_at_once: usize,
    /// How long a period is: behind it all rows are written.
    pub index_period: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            readers: 4,
            busy_timeout: Duration::from_secs(5),
            check_bytes_max: 256 * 1024 * 1024,
            pages_max: None,
            checkpoint_bytes: 4 * 1024 * 1024,
            index_rows_max: 4_096,
            index_rows_at_once: 256,
            index_period: Duration::from_secs(1),
        }
    }
}

/// Where the database is and how connections to it are made.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) path: PathBuf,
    pub(crate) options: Options,
    pub(crate) tracer: Tracer,
}

impl Place {
    pub(crate) fn new(dir: &Path, options: Options) -> Self {
        Self { path: dir.join(FILE), options, tracer: Tracer::new() }
    }

    /// The connection that writes, of a database that is there. It leaves carrying the log over to the checkpoint task, so that no commit
    /// pays for it.
    pub(crate) fn writer(&self) -> direct::Result<rusqlite::Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = rusqlite::Connection::open_with_flags(&self.path, flags)?;
        conn.busy_timeout(self.options.busy_timeout)?;
        conn.set_prepared_statement_cache_capacity(WRITER_STATEMENTS);
        conn.execute_batch(&format!(
            "PRAGMA temp_store = memory; PRAGMA mmap_size = 0; PRAGMA cache_size = {WRITER_CACHE}; \
             PRAGMA journal_mode = wal; PRAGMA synchronous = FULL; PRAGMA foreign_keys = on; \
             PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = {LOG_BYTES_MAX}"
        ))?;
        if let Some(pages) = self.options.pages_max {
            conn.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
        }
        self.tracer.observe(&conn)?;
        Ok(conn)
    }

    /// A connection that makes the database and brings its schema up to date, and one that carries the log over.
    async fn upkeep(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut options = self
            .common()
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .pragma("cache_size", WRITER_CACHE)
            .pragma("wal_autocheckpoint", "0")
            .pragma("journal_size_limit", LOG_BYTES_MAX.to_string());
        if let Some(pages) = self.options.pages_max {
            options = options.pragma("max_page_count", pages.to_string());
        }
        let mut conn = options.connect().await?;
        self.tracer.attach(&mut conn).await?;
        Ok(conn)
    }

    /// A connection that carries the log over; it waits for nobody for long, since writers may wait for it.
    pub(crate) async fn carrier(&self) -> Result<SqliteConnection, sqlx::Error> {
        let mut conn = self.upkeep().await?;
        statement("PRAGMA busy_timeout = 200", []).execute(&mut conn).await?;
        Ok(conn)
    }

    /// A pool of connections that only read.
    pub(crate) fn readers(&self) -> SqlitePool {
        let tracer = self.tracer.clone();
        SqlitePoolOptions::new()
            .max_connections(self.options.readers)
            .test_before_acquire(false)
            .idle_timeout(None)
            .max_lifetime(None)
            .after_connect(move |conn, _| {
                let tracer = tracer.clone();
                Box::pin(async move { tracer.attach(conn).await })
            })
            .connect_lazy_with(self.common().read_only(true).pragma("cache_size", READER_CACHE))
    }

    /// What every connection has.
    pub(crate) fn common(&self) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(&self.path)
            .busy_timeout(self.options.busy_timeout)
            .pragma("temp_store", "memory")
            // An I/O error on mapped memory would be a signal and not an error.
            .pragma("mmap_size", "0")
            .statement_cache_capacity(256)
            .disable_statement_logging()
    }
}

/// Makes the directory and the database where they are missing, and brings the schema up to date.
pub(crate) async fn open(place: &Place) -> Result<SqliteConnection, OpenError> {
    let io = |source| OpenError::Io { path: place.path.clone(), source };
    let is_new = !place.path.try_exists().map_err(io)?;
    let dir = place.path.parent().unwrap_or_else(|| Path::new("."));
    std::fs::create_dir_all(dir).map_err(io)?;
    let mut conn = place.upkeep().await.map_err(|error| failed(place, error))?;
    if !is_new {
        check(place, &mut conn).await?;
        refuse_unknown(place, &mut conn).await?;
        refuse_newer(place, &mut conn).await?;
    }
    migrate(place, &mut conn).await?;
    add(place, &mut conn).await?;
    if !is_new {
        settle(place, &mut conn).await?;
    }
    // The names of the database and its log must outlive a power cut as well.
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(io)?;
    Ok(conn)
}

/// Refuses a file whose pages do not make a database.
async fn check(place: &Place, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let failed = |error| failed(place, error);
    statement("SELECT count(*) FROM sqlite_schema", []).fetch_one(&mut *conn).await.map_err(failed)?;
    let bytes = std::fs::metadata(&place.path).map_or(0, |file| file.len());
    if bytes > place.options.check_bytes_max {
        return Ok(());
    }
    let row = statement("PRAGMA quick_check(1)", []).fetch_one(conn).await.map_err(failed)?;
    let detail: String = column(&row, "quick_check").map_err(failed)?;
    if detail == "ok" {
        return Ok(());
    }
    Err(OpenError::Damaged { path: place.path.clone(), detail: detail.replace('\n', " ") })
}

/// Carries the whole log over into the database, synced. After a sync that failed, or a kill, the log may hold what is in memory alone and
/// was never answered: were it lost later, all that stands behind it in the log would be lost with it.
async fn settle(place: &Place, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    match statement("PRAGMA wal_checkpoint(TRUNCATE)", []).fetch_one(conn).await {
        Ok(_) => Ok(()),
        Err(error) if judge(&error).is_retryable() => {
            tracing::warn!(%error, "the write-ahead log is not carried over for now");
            Ok(())
        }
        Err(error) => Err(failed(place, error)),
    }
}

/// The version of the schema that a program has to know at least; none where there is no schema.
pub(crate) async fn version(place: &Place, conn: &mut SqliteConnection) -> Result<Option<i64>, OpenError> {
    const TABLE: &str = "SELECT count(*) AS n FROM sqlite_schema WHERE name = '_sqlx_migrations'";
    const NEWEST: &str = "SELECT coalesce(max(version), 0) AS version FROM _sqlx_migrations";
    let failed = |error| failed(place, error);
    let row = statement(TABLE, []).fetch_one(&mut *conn).await.map_err(failed)?;
    if column::<i64>(&row, "n").map_err(failed)? == 0 {
        return Ok(None);
    }
    let row = statement(NEWEST, []).fetch_one(conn).await.map_err(failed)?;
    column(&row, "version").map(Some).map_err(failed)
}

/// Refuses a database that has tables, and none that tells of our schema.
async fn refuse_unknown(place: &Place, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    if version(place, conn).await?.is_some() {
        return Ok(());
    }
    let any = statement("SELECT 1 FROM sqlite_schema", []).fetch_optional(conn).await;
    match any.map_err(|error| failed(place, error))? {
        Some(_) => Err(OpenError::Unknown { path: place.path.clone() }),
        None => Ok(()),
    }
}

pub(crate) async fn refuse_newer(place: &Place, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let found = version(place, conn).await?.unwrap_or(0);
    let known = MIGRATIONS.iter().chain([&OWED]).map(|(version, ..)| *version).max().unwrap_or(0);
    if found > known {
        return Err(OpenError::Newer { path: place.path.clone(), found, known });
    }
    Ok(())
}

/// Whether the migration for what indexes are owed was carried out and not taken back, whatever came behind it.
async fn is_owed(place: &Place, conn: &mut SqliteConnection) -> Result<bool, OpenError> {
    const FIND: &str = "SELECT 1 FROM _sqlx_migrations WHERE version = ?";
    if version(place, conn).await?.is_none() {
        return Ok(false);
    }
    let found = statement(FIND, [OWED.0.into()]).fetch_optional(conn).await;
    found.map(|row| row.is_some()).map_err(|error| failed(place, error))
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the enum is another crate's and grows")]
async fn migrate(place: &Place, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    let owed = is_owed(place, conn).await?.then_some(OWED);
    let migrator = Migrator::with_migrations(MIGRATIONS.into_iter().chain(owed).map(migration).collect());
    migrator.run_direct(None, conn, false).await.map_err(|error| match error {
        MigrateError::VersionMissing(version)
        | MigrateError::VersionMismatch(version)
        | MigrateError::Dirty(version) => OpenError::Foreign { path: place.path.clone(), version },
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => failed(place, source),
        other => OpenError::Sqlite { path: place.path.clone(), source: Box::new(other) },
    })
}

fn migration((version, name, sql): (i64, &'static str, &'static str)) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}

/// Carries out the additions that are missing, each in a transaction of its own; those of newer programs are left alone.
async fn add(place: &Place, conn: &mut SqliteConnection) -> Result<(), OpenError> {
    const TABLE: &str = "CREATE TABLE IF NOT EXISTS addition (version INTEGER PRIMARY KEY, name TEXT NOT NULL, \
                         checksum BLOB NOT NULL) STRICT";
    const FIND: &str = "SELECT checksum FROM addition WHERE version = ?";
    const NOTE: &str = "INSERT INTO addition (version, name, checksum) VALUES (?, ?, ?)";
    let failed = |error| failed(place, error);
    statement(TABLE, []).execute(&mut *conn).await.map_err(failed)?;
    for (version, name, sql) in ADDITIONS {
        let checksum = migration((version, name, sql)).checksum.into_owned();
        let found = statement(FIND, [version.into()]).fetch_optional(&mut *conn).await.map_err(failed)?;
        match found.map(|row| column::<Vec<u8>>(&row, "checksum")).transpose().map_err(failed)? {
            Some(known) if known == checksum => {}
            Some(_) => return Err(OpenError::Foreign { path: place.path.clone(), version }),
            None => {
                statement("BEGIN IMMEDIATE", []).execute(&mut *conn).await.map_err(failed)?;
                sqlx::raw_sql(sql).execute(&mut *conn).await.map_err(failed)?;
                let note = statement(NOTE, [version.into(), name.into(), checksum.into()]);
                note.execute(&mut *conn).await.map_err(failed)?;
                statement("COMMIT", []).execute(&mut *conn).await.map_err(failed)?;
            }
        }
    }
    Ok(())
}

/// Carries out the migration for what indexes are owed, within the caller's transaction.
///
/// # Errors
/// That of SQLite.
pub(crate) fn note_owed(conn: &rusqlite::Connection) -> direct::Result<()> {
    const NOTE: &str = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                        VALUES (?, ?, TRUE, ?, 0)";
    let (version, name, sql) = OWED;
    conn.execute_batch(sql)?;
    let checksum = migration(OWED).checksum.into_owned();
    direct::execute(conn, NOTE, [version.into(), name.into(), checksum.into()]).map(drop)
}

/// Takes it back, when they are owed nothing.
///
/// # Errors
/// That of SQLite.
pub(crate) fn take_back_owed(conn: &rusqlite::Connection) -> direct::Result<()> {
    const NOTE: &str = "DELETE FROM _sqlx_migrations WHERE version = ?";
    direct::execute(conn, "DROP TABLE owed", [])?;
    direct::execute(conn, NOTE, [OWED.0.into()]).map(drop)
}

pub(crate) fn failed(place: &Place, source: impl Told) -> OpenError {
    let path = place.path.clone();
    if is_damage(&source) {
        return OpenError::Damaged { path, detail: source.to_string() };
    }
    OpenError::Sqlite { path, source: Box::new(source) }
}
