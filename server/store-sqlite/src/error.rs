//! How SQLite's result codes and our open errors are told.

use std::error::Error;
use std::path::PathBuf;
use std::sync::OnceLock;

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
        source: Box<dyn Error + Send + Sync>,
    },
}

const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const NOTADB: i32 = 26;
/// `SQLITE_IOERR_NOMEM`, `_LOCK`, `_SHMOPEN`, `_SHMSIZE`, `_SHMLOCK`, `_SHMMAP`: nothing that was promised to be on disk is concerned.
const IOERR_HARMLESS: [i32; 6] =
    [IOERR | 12 << 8, IOERR | 15 << 8, IOERR | 18 << 8, IOERR | 19 << 8, IOERR | 20 << 8, IOERR | 21 << 8];

/// What SQLite says, through either of the libraries that ask it.
pub(crate) trait Told: Error + Send + Sync + 'static {
    /// SQLite's extended result code.
    fn code(&self) -> Option<i32>;

    /// Whether what has no such code passes: a connection that was not to be had.
    fn passes(&self) -> bool;

    /// Whether it tells of a value that nobody wrote.
    fn is_of_a_value(&self) -> bool;
}

impl Told for sqlx::Error {
    fn code(&self) -> Option<i32> {
        self.as_database_error()?.code()?.parse().ok()
    }

    fn passes(&self) -> bool {
        matches!(self, Self::PoolTimedOut | Self::Io(_))
    }

    fn is_of_a_value(&self) -> bool {
        matches!(self, Self::Decode(_))
    }
}

impl Told for rusqlite::Error {
    fn code(&self) -> Option<i32> {
        self.sqlite_error().map(|error| error.extended_code)
    }

    fn passes(&self) -> bool {
        false
    }

    fn is_of_a_value(&self) -> bool {
        matches!(
            self,
            Self::FromSqlConversionFailure(..) | Self::InvalidColumnType(..) | Self::IntegralValueOutOfRange(..)
        )
    }
}

/// What a failed statement means for the caller.
pub(crate) fn judge(error: &impl Told) -> StoreError {
    let text = error.to_string();
    // Without a code: values that nobody wrote, threads that are gone.
    let is_fatal = error.code().map_or_else(|| !error.passes(), is_fatal);
    if is_fatal { StoreError::Fatal(text) } else { StoreError::Unavailable(text) }
}

/// Whether an extended result code tells that the disk did not keep what it was told to, or that the database is damaged.
fn is_fatal(code: i32) -> bool {
    matches!(code & 0xff, IOERR | CORRUPT | NOTADB) && !IOERR_HARMLESS.contains(&code)
}

/// Whether the file is no whole database.
pub(crate) fn is_damage(error: &impl Told) -> bool {
    error.code().is_some_and(|code| matches!(code & 0xff, CORRUPT | NOTADB)) || error.is_of_a_value()
}

const CLOSED: &str = "it was closed";

/// Why a store is not used any more; nothing while it is.
#[derive(Debug, Default)]
pub(crate) struct Failure(OnceLock<String>);

impl Failure {
    pub(crate) fn reason(&self) -> Option<&String> {
        self.0.get()
    }

    /// Refuses once the store has failed.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        self.reason().map_or(Ok(()), |reason| Err(StoreError::Fatal(reason.clone())))
    }

    /// Judges an error; a fatal one ends the use of the store.
    pub(crate) fn note(&self, error: &impl Told) -> StoreError {
        let judged = judge(error);
        if let StoreError::Fatal(reason) = &judged {
            self.0.get_or_init(|| reason.clone());
        }
        judged
    }

    /// Ends the use of the store, unless it has ended; tells what it ended with first.
    pub(crate) fn fail(&self, reason: &str) -> StoreError {
        StoreError::Fatal(self.0.get_or_init(|| reason.to_owned()).clone())
    }

    /// Nobody is to use the store any more; tells whether it was used until now.
    pub(crate) fn close(&self) -> bool {
        self.0.set(CLOSED.to_owned()).is_ok()
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.reason().is_some_and(|reason| reason == CLOSED)
    }
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

    #[test]
    fn both_libraries_give_the_extended_code() {
        let failure = |code| rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
        let fsync = failure(IOERR | 4 << 8);
        assert_eq!(fsync.code(), Some(IOERR | 4 << 8));
        assert!(!judge(&fsync).is_retryable());
        assert!(judge(&failure(13)).is_retryable(), "a full disk");
        assert!(judge(&failure(IOERR | 19 << 8)).is_retryable(), "no memory to share");
        assert!(!is_damage(&fsync) && is_damage(&failure(CORRUPT | 1 << 8)));
        let value = crate::direct::damaged("payload");
        assert!(is_damage(&value) && !judge(&value).is_retryable());
    }

    #[test]
    fn the_first_reason_stays() {
        let failure = Failure::default();
        failure.check().expect("nothing has happened");
        for reason in ["first", "second"] {
            let told = failure.fail(reason);
            assert!(matches!(&told, StoreError::Fatal(reason) if reason == "first"), "{told:?}");
        }
        assert!(!failure.close() && !failure.is_closed(), "it had failed before");
        assert!(failure.check().is_err());
    }
}
