//! How SQLite's result codes and our open errors are told.

use std::path::PathBuf;

use longwire_store::StoreError;

/// Why a data directory was not opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory or the file in it cannot be made or read.
    #[error("failed to open {path}")]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A newer version of Longwire has written it.
    #[error(
        "{path} was written by a newer version: its schema is version {found}, this program knows up to version {known}; \
         start the newer program, or restore a backup made by this one"
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// The version of its schema.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// A migration that ran on it is not the one that this program has.
    #[error("{path} was made by a different program: version {version} of its schema has another checksum")]
    Foreign {
        /// The database.
        path: PathBuf,
        /// The version.
        version: i64,
    },
    /// It is a database of another program.
    #[error("{path} is a database of another program: choose another directory")]
    Unknown {
        /// The database.
        path: PathBuf,
    },
    /// It is not a whole SQLite database.
    #[error("{path} is damaged ({detail}): restore a backup; nothing was changed")]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The database cannot be copied.
    #[error("failed to copy the database to {path}")]
    Copy {
        /// The copy.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
    /// Anything else that SQLite says.
    #[error("failed to open {path}")]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What SQLite says.
        #[source]
        source: sqlx::Error,
    },
}

const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const NOTADB: i32 = 26;
/// `SQLITE_IOERR_NOMEM`, `_LOCK`, `_SHMOPEN`, `_SHMSIZE`, `_SHMLOCK`, `_SHMMAP`: nothing that was promised to be on disk is concerned.
const IOERR_HARMLESS: [i32; 6] =
    [IOERR | 12 << 8, IOERR | 15 << 8, IOERR | 18 << 8, IOERR | 19 << 8, IOERR | 20 << 8, IOERR | 21 << 8];

/// What a failed statement means for the caller.
pub(crate) fn judge(error: &sqlx::Error) -> StoreError {
    let text = error.to_string();
    let is_fatal = match code(error) {
        Some(code) => is_fatal(code),
        // Values that nobody wrote, threads that are gone. No thread to be had for a connection passes.
        None => !matches!(error, sqlx::Error::PoolTimedOut | sqlx::Error::Io(_)),
    };
    if is_fatal { StoreError::Fatal(text) } else { StoreError::Unavailable(text) }
}

/// Whether an extended result code tells that the disk did not keep what it was told to, or that the database is damaged.
fn is_fatal(code: i32) -> bool {
    matches!(code & 0xff, IOERR | CORRUPT | NOTADB) && !IOERR_HARMLESS.contains(&code)
}

/// SQLite's extended result code.
fn code(error: &sqlx::Error) -> Option<i32> {
    error.as_database_error()?.code()?.parse().ok()
}

/// Whether the file is no whole database.
pub(crate) fn is_damage(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(code & 0xff, CORRUPT | NOTADB)) || matches!(error, sqlx::Error::Decode(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_fsync_or_a_damaged_page_is_fatal_and_a_full_or_locked_disk_is_not() {
        const BUSY: i32 = 5;
        const LOCKED: i32 = 6;
        const NOMEM: i32 = 7;
        const READONLY: i32 = 8;
        const FULL: i32 = 13;
        const CANTOPEN: i32 = 14;
        const IOERR_FSYNC: i32 = IOERR | 4 << 8;
        const IOERR_WRITE: i32 = IOERR | 3 << 8;
        const IOERR_SHMSIZE: i32 = IOERR | 19 << 8;
        for code in [IOERR, IOERR_FSYNC, IOERR_WRITE, CORRUPT, CORRUPT | 1 << 8, NOTADB] {
            assert!(is_fatal(code), "{code}");
        }
        for code in [FULL, BUSY, BUSY | 1 << 8, LOCKED, READONLY, READONLY | 4 << 8, CANTOPEN, NOMEM, IOERR_SHMSIZE] {
            assert!(!is_fatal(code), "{code}");
        }
    }
}
