//! A platform for tests: SQLite in memory, everything else written down; any call can be made to fail.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use sqlx::sqlite::{SqliteArguments, SqliteConnectOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Connection as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _};
use tokio::runtime::{Builder, Runtime};

use crate::{LogLevel, Platform, PlatformError, PushNotification, PushState, SqlValue};

/// How long a condition is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);
/// What SQLite 3.9, that of Android 7, does not know.
const TOO_NEW: [&str; 5] = ["STRICT", "RETURNING", "ON CONFLICT", "OVER (", "GENERATED"];

/// What was called for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    pub(crate) states: Vec<PushState>,
    pub(crate) handed: Vec<PushNotification>,
    pub(crate) removed: Vec<String>,
    pub(crate) alarms: Vec<Option<u64>>,
    pub(crate) logs: Vec<String>,
    pub(crate) checked: Vec<(usize, String)>,
    pub(crate) database_threads: BTreeSet<String>,
    pub(crate) failed: BTreeMap<&'static str, usize>,
}

pub(crate) struct FakePlatform {
    database: Mutex<(Runtime, SqliteConnection)>,
    seen: Mutex<Seen>,
    changed: Condvar,
    /// Calls that fail, and how often still.
    failing: Mutex<BTreeMap<&'static str, usize>>,
    /// The call that is a defect, once.
    defect: Mutex<Option<&'static str>>,
}

impl FakePlatform {
    pub(crate) fn new() -> Arc<Self> {
        let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime");
        let options = SqliteConnectOptions::new().in_memory(true);
        let connection = runtime.block_on(SqliteConnection::connect_with(&options)).expect("a database");
        Arc::new(Self {
            database: Mutex::new((runtime, connection)),
            seen: Mutex::default(),
            changed: Condvar::new(),
            failing: Mutex::default(),
            defect: Mutex::default(),
        })
    }

    /// The next `times` calls of this name fail.
    pub(crate) fn fail(&self, name: &'static str, times: usize) {
        self.failing.lock().expect("no panic").insert(name, times);
    }

    /// The next call of this name panics.
    pub(crate) fn panic(&self, name: &'static str) {
        *self.defect.lock().expect("no panic") = Some(name);
    }

    pub(crate) fn seen(&self) -> Seen {
        self.lock().clone()
    }

    /// Waits until what was called for is so.
    pub(crate) fn wait_until(&self, is_so: impl Fn(&Seen) -> bool) {
        let seen = self.lock();
        let (seen, waited) = self.changed.wait_timeout_while(seen, PATIENCE, |seen| !is_so(seen)).expect("no panic");
        assert!(!waited.timed_out(), "not in time: {seen:#?}");
    }

    pub(crate) fn wait_online(&self) {
        self.wait_until(|seen| matches!(seen.states.last(), Some(PushState::Online { .. })));
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().expect("no panic")
    }

    fn call(&self, name: &'static str, see: impl FnOnce(&mut Seen)) -> Result<(), PlatformError> {
        let is_defect = self.defect.lock().expect("no panic").take_if(|defect| *defect == name).is_some();
        assert!(!is_defect, "{name} was made to panic");
        let mut failing = self.failing.lock().expect("no panic");
        let left = failing.entry(name).or_default();
        let fails = *left > 0;
        *left = left.saturating_sub(1);
        drop(failing);
        let mut seen = self.lock();
        if fails {
            *seen.failed.entry(name).or_default() += 1;
        } else {
            see(&mut seen);
        }
        drop(seen);
        self.changed.notify_all();
        if fails { Err(PlatformError::Failed { text: format!("{name} was made to fail") }) } else { Ok(()) }
    }

    fn ask<T>(
        &self,
        name: &'static str,
        sql: &str,
        args: Vec<SqlValue>,
        ask: impl AsyncFnOnce(sqlx::query::Query<'_, Sqlite, SqliteArguments>, &mut SqliteConnection) -> sqlx::Result<T>,
    ) -> Result<T, PlatformError> {
        assert!(!TOO_NEW.iter().any(|word| sql.contains(word)), "newer than SQLite 3.9: {sql}");
        self.call(name, |seen| {
            seen.database_threads.insert(std::thread::current().name().unwrap_or_default().to_owned());
        })?;
        let query = args.into_iter().fold(sqlx::query(AssertSqlSafe(sql.to_owned())), |query, value| match value {
            SqlValue::Null => query.bind(None::<i64>),
            SqlValue::Integer { value } => query.bind(value),
            SqlValue::Text { value } => query.bind(value),
            SqlValue::Blob { value } => query.bind(value),
        });
        let mut database = self.database.lock().expect("no panic");
        let (runtime, connection) = &mut *database;
        runtime.block_on(ask(query, connection)).map_err(|error| PlatformError::Failed { text: error.to_string() })
    }

    fn run(&self, name: &'static str, sql: &str, args: Vec<SqlValue>) -> Result<u64, PlatformError> {
        self.ask(name, sql, args, async |query, connection| Ok(query.execute(connection).await?.rows_affected()))
    }
}

fn row(row: &SqliteRow) -> sqlx::Result<Vec<SqlValue>> {
    let value = |column| {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            return Ok(SqlValue::Null);
        }
        match value.type_info().name() {
            "TEXT" => Ok(SqlValue::Text { value: row.try_get(column)? }),
            "BLOB" => Ok(SqlValue::Blob { value: row.try_get(column)? }),
            _ => Ok(SqlValue::Integer { value: row.try_get(column)? }),
        }
    };
    (0..row.len()).map(value).collect()
}

impl Platform for FakePlatform {
    fn execute(&self, sql: String, args: Vec<SqlValue>) -> Result<u64, PlatformError> {
        self.run("execute", &sql, args)
    }

    fn query(&self, sql: String, args: Vec<SqlValue>) -> Result<Vec<Vec<SqlValue>>, PlatformError> {
        self.ask("query", &sql, args, async |query, connection| {
            query.fetch_all(connection).await?.iter().map(row).collect()
        })
    }

    fn begin(&self) -> Result<(), PlatformError> {
        self.run("begin", "BEGIN IMMEDIATE", Vec::new()).map(drop)
    }

    fn commit(&self) -> Result<(), PlatformError> {
        self.run("commit", "COMMIT", Vec::new()).map(drop)
    }

    fn rollback(&self) -> Result<(), PlatformError> {
        self.run("rollback", "ROLLBACK", Vec::new()).map(drop)
    }

    fn set_alarm(&self, at_elapsed_ms: u64) -> Result<(), PlatformError> {
        self.call("set_alarm", |seen| seen.alarms.push(Some(at_elapsed_ms)))
    }

    fn cancel_alarm(&self) -> Result<(), PlatformError> {
        self.call("cancel_alarm", |seen| seen.alarms.push(None))
    }

    fn check_certificate(&self, chain: Vec<Vec<u8>>, auth_type: String, host: String) -> Result<(), PlatformError> {
        assert_eq!(auth_type, "UNKNOWN");
        self.call("check_certificate", |seen| seen.checked.push((chain.len(), host)))
    }

    fn hand_over(&self, notification: PushNotification) -> Result<(), PlatformError> {
        self.call("hand_over", |seen| seen.handed.push(notification))
    }

    fn remove(&self, id: String, _attempt: u32) -> Result<(), PlatformError> {
        self.call("remove", |seen| seen.removed.push(id))
    }

    fn state_changed(&self, state: PushState) -> Result<(), PlatformError> {
        self.call("state_changed", |seen| seen.states.push(state))
    }

    fn log(&self, _level: LogLevel, _target: String, message: String) -> Result<(), PlatformError> {
        self.call("log", |seen| seen.logs.push(message))
    }
}
