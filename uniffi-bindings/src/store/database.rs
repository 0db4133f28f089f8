//! The calls of the platform as a database.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use longwire_client_store::{Columns, Database, DatabaseError, Value};

use crate::{Platform, PlatformError, SqlValue};

/// Where the version of the tables is kept: `user_version` belongs to Android's own helper.
const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS version (version INTEGER NOT NULL)";

/// The platform's connection, used by one thread alone.
pub(crate) struct PlatformDatabase {
    platform: Arc<dyn Platform>,
    is_within: bool,
}

impl PlatformDatabase {
    pub(super) const fn new(platform: Arc<dyn Platform>) -> Self {
        Self { platform, is_within: false }
    }

    pub(super) fn run(&self, sql: &str, values: Vec<Value>) -> Result<u64, DatabaseError> {
        let args = values.into_iter().map(to_platform).collect();
        self.platform.execute(sql.to_owned(), args).map_err(failed)
    }

    pub(super) fn rows(&self, sql: &str, values: Vec<Value>) -> Result<Vec<Columns>, DatabaseError> {
        let args = values.into_iter().map(to_platform).collect();
        let rows = self.platform.query(sql.to_owned(), args).map_err(failed)?;
        Ok(rows.into_iter().map(|row| Columns::new(row.into_iter().map(from_platform).collect())).collect())
    }

    /// A transaction that was left open is ended.
    pub(super) fn abandon(&mut self) {
        if std::mem::take(&mut self.is_within) {
            // What could not be ended fails the next one, which is told.
            drop(self.platform.rollback());
        }
    }
}

impl Database for PlatformDatabase {
    async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, DatabaseError> {
        self.run(sql, values)
    }

    async fn query(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Columns>, DatabaseError> {
        self.rows(sql, values)
    }

    async fn version(&mut self) -> Result<i64, DatabaseError> {
        self.run(VERSIONS, Vec::new())?;
        let rows = self.rows("SELECT version FROM version", Vec::new())?;
        rows.into_iter().next().map_or(Ok(0), |mut row| row.number("version"))
    }

    async fn set_version(&mut self, version: i64) -> Result<(), DatabaseError> {
        self.run("DELETE FROM version", Vec::new())?;
        self.run("INSERT INTO version (version) VALUES (?)", vec![Value::Integer(version)]).map(drop)
    }
}

/// Does all of it or nothing.
pub(super) fn within<T>(
    database: &mut PlatformDatabase,
    job: impl FnOnce(&mut PlatformDatabase) -> Result<T, DatabaseError>,
) -> Result<T, DatabaseError> {
    database.platform.begin().map_err(failed)?;
    database.is_within = true;
    let done = job(database).and_then(|done| database.platform.commit().map_err(failed).map(|()| done));
    if done.is_ok() {
        database.is_within = false;
    } else {
        database.abandon();
    }
    done
}

/// The outcome of a future over this database, which never waits.
pub(super) fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => outcome,
        Poll::Pending => unreachable!("the platform answers before it returns"),
    }
}

fn failed(error: PlatformError) -> DatabaseError {
    let PlatformError::Failed { text } = error;
    DatabaseError::Failed(text)
}

fn to_platform(value: Value) -> SqlValue {
    match value {
        Value::Null => SqlValue::Null,
        Value::Integer(value) => SqlValue::Integer { value },
        Value::Text(value) => SqlValue::Text { value },
        Value::Blob(value) => SqlValue::Blob { value },
    }
}

fn from_platform(value: SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer { value } => Value::Integer(value),
        SqlValue::Text { value } => Value::Text(value),
        SqlValue::Blob { value } => Value::Blob(value),
    }
}
