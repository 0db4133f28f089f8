//! The connection of sqlx, lent to the device's store.

use longwire_client_store::{Columns, Database, DatabaseError, Value};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteRow};
use sqlx::{Row as _, SqliteConnection, TypeInfo as _, ValueRef as _};

/// A connection, within a transaction or not.
pub(super) struct Connection<'a>(pub(super) &'a mut SqliteConnection);

impl Database for Connection<'_> {
    async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, DatabaseError> {
        let done = bound(sql, values).execute(&mut *self.0).await;
        done.map(|done| done.rows_affected()).map_err(|error| failed(&error))
    }

    async fn query(&mut self, sql: &'static str, values: Vec<Value>) -> Result<Vec<Columns>, DatabaseError> {
        let rows = bound(sql, values).fetch_all(&mut *self.0).await.map_err(|error| failed(&error))?;
        rows.iter().map(columns).collect::<Result<_, _>>().map_err(|error| failed(&error))
    }

    async fn version(&mut self) -> Result<i64, DatabaseError> {
        let version = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *self.0).await;
        version.map_err(|error| failed(&error))
    }

    async fn set_version(&mut self, version: i64) -> Result<(), DatabaseError> {
        let pragma = sqlx::AssertSqlSafe(format!("PRAGMA user_version = {version}"));
        sqlx::query(pragma).execute(&mut *self.0).await.map(drop).map_err(|error| failed(&error))
    }
}

fn bound(sql: &'static str, values: Vec<Value>) -> Query<'static, Sqlite, SqliteArguments> {
    values.into_iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Integer(number) => query.bind(number),
        Value::Text(text) => query.bind(text),
        Value::Blob(bytes) => query.bind(bytes),
    })
}

fn columns(row: &SqliteRow) -> Result<Columns, sqlx::Error> {
    let values = (0..row.len()).map(|column| {
        let value = row.try_get_raw(column)?;
        if value.is_null() {
            return Ok(Value::Null); // its type is that of the column
        }
        let kind = value.type_info();
        match kind.name() {
            "TEXT" => row.try_get(column).map(Value::Text),
            "BLOB" => row.try_get(column).map(Value::Blob),
            _ => row.try_get(column).map(Value::Integer),
        }
    });
    values.collect::<Result<_, _>>().map(Columns::new)
}

pub(super) fn failed(error: &sqlx::Error) -> DatabaseError {
    DatabaseError::Failed(error.to_string())
}
