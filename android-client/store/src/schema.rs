//! The tables and their version.

use crate::{Database, DatabaseError};

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It cannot be opened or read.
    #[error("cannot open the device's database")]
    Database(#[from] DatabaseError),
    /// It was made by a newer version of this program.
    #[error("the device's database has version {found}, this program knows up to {known}: use the newer program")]
    Newer {
        /// Its version.
        found: i64,
        /// The newest version known here.
        known: i64,
    },
}

/// Version 1 is the first; an older one is brought up here, a newer one is refused.
const VERSION: i64 = 1;

const SCHEMA: &[&str] = &[
    "CREATE TABLE device (
    device INTEGER PRIMARY KEY,
    user_agent TEXT, secret BLOB,
    account TEXT, password TEXT, is_registered INTEGER NOT NULL,
    token TEXT, token_mechanism TEXT, token_expires INTEGER,
    generation TEXT, normal INTEGER, background INTEGER,
    server_device TEXT, user TEXT,
    anchor_server INTEGER, anchor_boot INTEGER, anchor_boot_id TEXT, known INTEGER NOT NULL,
    conflict_last INTEGER, conflicts_in_a_row INTEGER NOT NULL, conflicts_of_installation INTEGER NOT NULL,
    refusals INTEGER NOT NULL
)",
    "CREATE TABLE inbox (
    arrival INTEGER PRIMARY KEY,
    device INTEGER NOT NULL, id TEXT NOT NULL,
    seq INTEGER NOT NULL, is_background INTEGER NOT NULL, state INTEGER NOT NULL, owed INTEGER NOT NULL,
    revision INTEGER NOT NULL, target TEXT, payload TEXT NOT NULL, user TEXT,
    expires INTEGER NOT NULL, received INTEGER NOT NULL, attempt INTEGER NOT NULL, deaths INTEGER NOT NULL,
    story TEXT NOT NULL,
    UNIQUE (device, id)
)",
    "CREATE INDEX inbox_due ON inbox (device, arrival) WHERE state < 2 OR owed > 0",
    "CREATE TABLE seqs (
    device INTEGER NOT NULL, is_background INTEGER NOT NULL, seq INTEGER NOT NULL, received INTEGER NOT NULL,
    PRIMARY KEY (device, is_background, seq)
) WITHOUT ROWID",
    "CREATE TABLE networks (
    device INTEGER NOT NULL, network INTEGER NOT NULL,
    heartbeat INTEGER NOT NULL, survived INTEGER NOT NULL, failed INTEGER, failures INTEGER NOT NULL,
    calm INTEGER NOT NULL, used INTEGER NOT NULL,
    PRIMARY KEY (device, network)
) WITHOUT ROWID",
    "CREATE TABLE reports (
    number INTEGER PRIMARY KEY,
    device INTEGER NOT NULL, entry TEXT NOT NULL, kind TEXT NOT NULL, at INTEGER NOT NULL, reason TEXT,
    action TEXT, text TEXT,
    answered INTEGER
)",
    "CREATE UNIQUE INDEX reports_once ON reports (device, entry, kind) WHERE action IS NULL",
    "CREATE UNIQUE INDEX reports_action ON reports (device, entry, action, at, ifnull(text, '')) WHERE action IS NOT NULL",
    "CREATE INDEX reports_open ON reports (device, number) WHERE answered IS NULL",
];

/// Whether the database has its tables; one of a newer version is refused.
///
/// # Errors
/// When it cannot be read, or is newer.
pub async fn is_made<D: Database>(database: &mut D) -> Result<bool, OpenError> {
    match database.version().await? {
        0 => Ok(false),
        VERSION => Ok(true),
        found => Err(OpenError::Newer { found, known: VERSION }),
    }
}

/// Makes the tables, within the caller's transaction.
///
/// # Errors
/// When the database fails.
pub async fn make<D: Database>(database: &mut D) -> Result<(), OpenError> {
    for statement in SCHEMA {
        database.execute(statement, Vec::new()).await?;
    }
    Ok(database.set_version(VERSION).await?)
}
