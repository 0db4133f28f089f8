//! A device's store as SQL for any SQLite from 3.9 on, over whatever connection a host or a platform lends; the decisions are the client
//! core's.

#![forbid(unsafe_code)]

mod apply;
mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
mod network;
mod record;
mod report;
mod row;
mod schema;

use std::future::Future;

use longwire_client::account::Record;
use longwire_client::inbox::{Row, Snapshot, StoreError};
use longwire_protocol::DateTime;
use longwire_protocol::push::DeviceEvent;

pub use apply::apply;
pub use columns::Columns;
pub use row::find;
pub use schema::{OpenError, is_made, make};

/// A value of the database, as an argument or in a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// NULL.
    Null,
    /// A signed number of 64 bits.
    Integer(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Vec<u8>),
}

/// Why the database did not answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// It says why.
    #[error("{0}")]
    Failed(String),
    /// What it answered is not what this program writes.
    #[error("column {0} has a value of a newer version")]
    Unreadable(&'static str),
}

impl From<DatabaseError> for StoreError {
    fn from(error: DatabaseError) -> Self {
        Self(error.to_string())
    }
}

/// A connection to a SQLite database. Transactions are begun and ended by whoever lends it.
pub trait Database: Send {
    /// Carries out one statement; the number of rows that it inserted, changed or deleted.
    fn execute(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<u64, DatabaseError>> + Send;

    /// Carries out a query; its rows.
    fn query(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> impl Future<Output = Result<Vec<Columns>, DatabaseError>> + Send;

    /// The version of its tables; 0 when there are none.
    fn version(&mut self) -> impl Future<Output = Result<i64, DatabaseError>> + Send;

    /// Notes the version of its tables.
    fn set_version(&mut self, version: i64) -> impl Future<Output = Result<(), DatabaseError>> + Send;
}

/// What a device knows of a notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Account, cursor and the like.
    pub record: Record,
    /// Its row, if it has one.
    pub row: Option<Row>,
    /// What was reported of it, each with the time of the server's answer.
    pub reports: Vec<(DeviceEvent, Option<DateTime>)>,
}

/// What a device's process needs at its start; what the former one noted is not in the database.
///
/// # Errors
/// When the database cannot be read.
pub async fn load<D: Database>(database: &mut D, device: u32) -> Result<Snapshot, DatabaseError> {
    Ok(Snapshot {
        record: record::load(database, device).await?.unwrap_or_default(),
        rows: row::due(database, device).await?,
        reports: report::open(database, device).await?,
        networks: network::load(database, device).await?,
        noted: None,
    })
}

/// Account, cursor and the like; none when there is no such device.
///
/// # Errors
/// When the database cannot be read.
pub async fn record<D: Database>(database: &mut D, device: u32) -> Result<Option<Record>, DatabaseError> {
    record::load(database, device).await
}

/// What a device knows of a notification; none when there is no such device.
///
/// # Errors
/// When the database cannot be read.
pub async fn known<D: Database>(database: &mut D, device: u32, id: &str) -> Result<Option<Known>, DatabaseError> {
    let Some(record) = record::load(database, device).await? else { return Ok(None) };
    let row = find(database, device, id).await?;
    Ok(Some(Known { record, row, reports: report::of_entry(database, device, id).await? }))
}

/// Unsigned numbers in SQLite's signed columns: what is larger counts as the largest.
fn number(number: u64) -> Value {
    Value::Integer(i64::try_from(number).unwrap_or(i64::MAX))
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn optional(value: Option<Value>) -> Value {
    value.unwrap_or(Value::Null)
}

fn device(device: u32) -> Value {
    Value::Integer(device.into())
}
