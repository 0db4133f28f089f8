//! Statements of the thread that writes: each runs at once, and is prepared once per connection.

use std::fmt::Display;

use longwire_model::{DeviceId, Seq, Timestamp};
use rusqlite::types::{FromSqlError, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension as _, Row, ToSql, params_from_iter};

use crate::sql::Value;

pub(crate) use rusqlite::Result;

/// Runs a statement that gives no rows; tells how many it has changed.
pub(crate) fn execute<'a>(
    conn: &Connection,
    sql: &'static str,
    values: impl IntoIterator<Item = Value<'a>>,
) -> Result<usize> {
    conn.prepare_cached(sql)?.execute(params_from_iter(values))
}

/// The first row of a query; none when there is none.
pub(crate) fn first<'a, T>(
    conn: &Connection,
    sql: &'static str,
    values: impl IntoIterator<Item = Value<'a>>,
    read: impl FnOnce(&Row<'_>) -> Result<T>,
) -> Result<Option<T>> {
    conn.prepare_cached(sql)?.query_row(params_from_iter(values), read).optional()
}

/// All rows of a query.
pub(crate) fn all<'a, T>(
    conn: &Connection,
    sql: &'static str,
    values: impl IntoIterator<Item = Value<'a>>,
    read: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    conn.prepare_cached(sql)?.query_map(params_from_iter(values), read)?.collect()
}

/// Runs `work` as one transaction, which is on disk when this returns. After a failure it may still be open.
pub(crate) fn transaction<T>(conn: &Connection, work: impl FnOnce() -> Result<T>) -> Result<T> {
    execute(conn, "BEGIN IMMEDIATE", [])?;
    let done = work()?;
    execute(conn, "COMMIT", [])?;
    Ok(done)
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Id(id) => ValueRef::Blob(id),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

/// A position or number.
pub(crate) fn seq(row: &Row<'_>, name: &str) -> Result<Seq> {
    row.get::<_, i64>(name).map(i64::cast_unsigned)
}

pub(crate) fn seq_option(row: &Row<'_>, name: &str) -> Result<Option<Seq>> {
    Ok(row.get::<_, Option<i64>>(name)?.map(i64::cast_unsigned))
}

pub(crate) fn timestamp(row: &Row<'_>, name: &str) -> Result<Timestamp> {
    row.get(name).map(Timestamp::from_millis)
}

pub(crate) fn timestamp_option(row: &Row<'_>, name: &str) -> Result<Option<Timestamp>> {
    Ok(row.get::<_, Option<i64>>(name)?.map(Timestamp::from_millis))
}

pub(crate) fn device_id(row: &Row<'_>, name: &str) -> Result<DeviceId> {
    row.get(name).map(DeviceId::from_bytes)
}

/// A value that no version of ours wrote: the database is damaged.
pub(crate) fn damaged(what: impl Display) -> rusqlite::Error {
    FromSqlError::Other(format!("{what} holds a value that was never written").into()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn database() -> Connection {
        let conn = Connection::open_in_memory().expect("a database");
        conn.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY, b ANY) STRICT").expect("a table");
        conn
    }

    #[test]
    fn every_kind_of_value_is_stored_as_it_is() {
        let conn = database();
        let values: [Value<'_>; 5] = [
            Value::Null,
            u64::MAX.into(),
            "text".into(),
            DeviceId::from_bytes([7; 16]).into(),
            Vec::from([1, 2, 3]).into(),
        ];
        let mut stored = Vec::new();
        for (number, value) in (1_i64..).zip(values) {
            assert_eq!(execute(&conn, "INSERT INTO t (a, b) VALUES (?, ?)", [number.into(), value]).expect("a row"), 1);
            let read = |row: &Row<'_>| row.get::<_, String>("shown");
            let shown = first(&conn, "SELECT quote(b) AS shown FROM t WHERE a = ?", [number.into()], read);
            stored.push(shown.expect("an answer").expect("the row"));
        }
        let id = format!("X'{}'", "07".repeat(16));
        assert_eq!(stored, ["NULL", "-1", "'text'", id.as_str(), "X'010203'"]);
        let numbers = all(&conn, "SELECT a FROM t ORDER BY a", [], |row| seq(row, "a")).expect("all");
        assert_eq!(numbers, [1, 2, 3, 4, 5]);
        assert_eq!(first(&conn, "SELECT a FROM t WHERE a = 6", [], |row| seq(row, "a")).expect("an answer"), None);
    }

    #[test]
    fn nothing_of_a_transaction_that_fails_is_there_when_its_connection_is_gone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("t.db");
        let conn = Connection::open(&path).expect("a database");
        conn.execute_batch("CREATE TABLE t (a INTEGER PRIMARY KEY) STRICT").expect("a table");
        let twice = || {
            execute(&conn, "INSERT INTO t (a) VALUES (1)", [])?;
            execute(&conn, "INSERT INTO t (a) VALUES (1)", [])
        };
        transaction(&conn, twice).expect_err("the second is refused");
        drop(conn);
        let conn = Connection::open(&path).expect("the database");
        assert_eq!(all(&conn, "SELECT a FROM t", [], |row| seq(row, "a")).expect("all"), Vec::<Seq>::new());
    }
}
