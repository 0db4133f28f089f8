//! What the platform owns, and is called for.

use crate::{PlatformError, PushNotification, PushState};

/// A value of the database, as an argument or in a row.
#[derive(Debug, Clone, PartialEq, Eq, uniffi::Enum)]
pub enum SqlValue {
    /// NULL.
    Null,
    /// A signed number of 64 bits.
    Integer {
        /// The number.
        value: i64,
    },
    /// A text.
    Text {
        /// The text.
        value: String,
    },
    /// Bytes.
    Blob {
        /// The bytes.
        value: Vec<u8>,
    },
}

/// How much a line of the log matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, uniffi::Enum)]
pub enum LogLevel {
    /// A turn off the happy path.
    Debug,
    /// The session changed.
    Info,
    /// Something is wrong and will be tried again.
    Warn,
    /// Something failed.
    Error,
}

/// The platform, implemented in Kotlin. Every call may throw: that is an error for Rust, which says for each call what follows, and never a
/// crash. The calls of the database come from one thread of Rust alone, the others from another; `check_certificate` from any. None but
/// `check_certificate` may wait for another call of the client.
#[uniffi::export(with_foreign)]
pub trait Platform: Send + Sync {
    /// Carries out one statement; the number of rows that it inserted, changed or deleted. SQLite 3.9 is enough.
    ///
    /// # Errors
    /// The step fails, nothing of it is stored, and it is tried again later.
    fn execute(&self, sql: String, args: Vec<SqlValue>) -> Result<u64, PlatformError>;

    /// Carries out a query; its rows.
    ///
    /// # Errors
    /// As `execute`.
    fn query(&self, sql: String, args: Vec<SqlValue>) -> Result<Vec<Vec<SqlValue>>, PlatformError>;

    /// Begins a transaction that may write at once (`BEGIN IMMEDIATE`).
    ///
    /// # Errors
    /// As `execute`.
    fn begin(&self) -> Result<(), PlatformError>;

    /// Commits the transaction; it is on disk when this returns.
    ///
    /// # Errors
    /// As `execute`.
    fn commit(&self) -> Result<(), PlatformError>;

    /// Ends the transaction as if nothing of it had been.
    ///
    /// # Errors
    /// As `execute`.
    fn rollback(&self) -> Result<(), PlatformError>;

    /// Asks for one alarm in place of the one before, which wakes the phone and is answered by `PushClient.alarm_fired()`.
    ///
    /// # Errors
    /// It is logged, and asked for again with the next change.
    fn set_alarm(&self, at_elapsed_ms: u64) -> Result<(), PlatformError>;

    /// No alarm is needed.
    ///
    /// # Errors
    /// It is logged.
    fn cancel_alarm(&self) -> Result<(), PlatformError>;

    /// Checks the server's certificate for a host as the platform does for HTTPS; it may take its time.
    ///
    /// # Errors
    /// The server is not trusted: the state's reason is `certificate`, its text what was thrown.
    fn check_certificate(&self, chain: Vec<Vec<u8>>, auth_type: String, host: String) -> Result<(), PlatformError>;

    /// Hands a notification to the app: broadcast and screen. Answered by `PushClient.handed()`, of an update by `updated()`; until then a
    /// new process hands it again.
    ///
    /// # Errors
    /// It is handed again after a pause.
    fn hand_over(&self, notification: PushNotification) -> Result<(), PlatformError>;

    /// Takes a notification from the screen; answered by `PushClient.removed()`. What is not there is removed all the same.
    ///
    /// # Errors
    /// It is asked for again after a pause.
    fn remove(&self, id: String, attempt: u32) -> Result<(), PlatformError>;

    /// The state is another one now.
    ///
    /// # Errors
    /// It is logged; `PushClient.state()` has it.
    fn state_changed(&self, state: PushState) -> Result<(), PlatformError>;

    /// A line of the log.
    ///
    /// # Errors
    /// The line is dropped.
    fn log(&self, level: LogLevel, target: String, message: String) -> Result<(), PlatformError>;
}
