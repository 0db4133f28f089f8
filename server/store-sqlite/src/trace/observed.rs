//! SQLite's own statement trace (`sqlite3_trace_v2`) on every connection of a store.

use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use rusqlite::Connection;
use rusqlite::ffi::{Error, SQLITE_TRACE_STMT, sqlite3, sqlite3_trace_v2};
use sqlx::sqlite::SqliteConnection;

type Observer = Arc<dyn Fn(&str) + Send + Sync>;
type Slot = RwLock<Option<Observer>>;

/// Who looks at the statements of a store; nobody until it is set.
#[derive(Clone, Default)]
pub(crate) struct Tracer(Arc<Slot>);

impl Tracer {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn set(&self, observer: Observer) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(observer);
    }

    /// From now on the connection shows each statement when it starts, prepared long ago or not.
    pub(crate) async fn attach(&self, conn: &mut SqliteConnection) -> Result<(), sqlx::Error> {
        let mut handle = conn.lock_handle().await?;
        let result = self.set_on(handle.as_raw_handle().as_ptr());
        if result == 0 { Ok(()) } else { Err(sqlx::Error::Protocol(format!("sqlite3_trace_v2 failed with {result}"))) }
    }

    /// As [`Self::attach`], on the connection that writes.
    #[expect(unsafe_code, reason = "rusqlite's own trace takes no observer with it")]
    pub(crate) fn observe(&self, conn: &Connection) -> rusqlite::Result<()> {
        // SAFETY: the handle is used while the connection is borrowed, and not closed.
        let result = self.set_on(unsafe { conn.handle() });
        if result == 0 { Ok(()) } else { Err(rusqlite::Error::SqliteFailure(Error::new(result), None)) }
    }

    /// Gives SQLite's result code; `handle` is a live connection that nobody else uses meanwhile.
    #[expect(unsafe_code, reason = "neither library has a safe way to SQLite's statement trace with an observer")]
    fn set_on(&self, handle: *mut sqlite3) -> c_int {
        // Leaked: a connection's thread may outlive the store. Some bytes per connection, in tests only.
        let slot: *const Slot = Arc::into_raw(Arc::clone(&self.0));
        // SAFETY: the handle is a live connection that is locked by our callers, and the slot is never freed.
        unsafe { sqlite3_trace_v2(handle, SQLITE_TRACE_STMT, Some(show), slot.cast_mut().cast()) }
    }
}

/// What SQLite calls: for `SQLITE_TRACE_STMT`, `sql` is the statement's text.
#[expect(unsafe_code, reason = "SQLite calls it")]
unsafe extern "C" fn show(_: c_uint, slot: *mut c_void, _: *mut c_void, sql: *mut c_void) -> c_int {
    // SAFETY: `attach` gave a slot that is never freed, and only shared references to it exist.
    let slot = unsafe { &*slot.cast_const().cast::<Slot>() };
    // SAFETY: SQLite gives a text that ends with a zero and lives until this returns.
    let sql = unsafe { CStr::from_ptr(sql.cast_const().cast::<c_char>()) };
    if let Some(observer) = &*slot.read().unwrap_or_else(PoisonError::into_inner) {
        observer(&sql.to_string_lossy());
    }
    0
}

impl fmt::Debug for Tracer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tracer")
    }
}
