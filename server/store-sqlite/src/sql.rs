//! Values on their way into statements, and on their way out.

use std::borrow::Cow;
use std::fmt::Display;

use longwire_model::{DeviceId, EntryId, Lane, Seq, Timestamp};
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Decode, Row as _, Sqlite, Type};

/// One bound value.
#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Null,
    Int(i64),
    Text(Cow<'a, str>),
    /// A device's or an entry's.
    Id([u8; 16]),
    Blob(Cow<'a, [u8]>),
}

pub(crate) type Statement = Query<'static, Sqlite, SqliteArguments>;

/// A statement of a reader with its values; its text is always one of ours.
pub(crate) fn statement<'a>(sql: &'static str, values: impl IntoIterator<Item = Value<'a>>) -> Statement {
    values.into_iter().fold(sqlx::query(sql), bind)
}

fn bind(query: Statement, value: Value<'_>) -> Statement {
    match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(number) => query.bind(number),
        Value::Text(text) => query.bind(text.into_owned()),
        Value::Id(id) => query.bind(id.to_vec()),
        Value::Blob(bytes) => query.bind(bytes.into_owned()),
    }
}

/// A list for `json_each`.
pub(crate) fn json_texts<'a>(texts: impl IntoIterator<Item = &'a str>) -> Value<'static> {
    let list: Vec<&str> = texts.into_iter().collect();
    Value::Text(serde_json::Value::from(list).to_string().into())
}

/// A list of numbers for `json_each`.
pub(crate) fn json_seqs(seqs: impl IntoIterator<Item = Seq>) -> Value<'static> {
    let list: Vec<Seq> = seqs.into_iter().collect();
    Value::Text(serde_json::Value::from(list).to_string().into())
}

/// A list of ids for `unhex(value)` over `json_each`.
pub(crate) fn json_devices<'a>(devices: impl IntoIterator<Item = &'a DeviceId>) -> Value<'static> {
    let list: Vec<String> = devices.into_iter().map(|id| id.to_string().replace('-', "")).collect();
    Value::Text(serde_json::Value::from(list).to_string().into())
}

/// The number of a lane.
pub(crate) const fn lane_number(lane: Lane) -> i64 {
    match lane {
        Lane::Normal => 0,
        Lane::Background => 1,
    }
}

/// What a value of ours becomes in a statement.
impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value<'_> {
    fn from(value: u32) -> Self {
        Self::Int(i64::from(value))
    }
}

/// Positions and generation ids: the same 64 bits, read as a signed number; positions never come near 2^63.
impl From<u64> for Value<'_> {
    fn from(value: u64) -> Self {
        Self::Int(value.cast_signed())
    }
}

impl From<Lane> for Value<'_> {
    fn from(value: Lane) -> Self {
        Self::Int(lane_number(value))
    }
}

impl From<Timestamp> for Value<'_> {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.as_millis())
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value<'_> {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl<'a> From<Cow<'a, str>> for Value<'a> {
    fn from(value: Cow<'a, str>) -> Self {
        Self::Text(value)
    }
}

impl From<DeviceId> for Value<'_> {
    fn from(value: DeviceId) -> Self {
        Self::Id(*value.as_bytes())
    }
}

impl From<EntryId> for Value<'_> {
    fn from(value: EntryId) -> Self {
        Self::Id(*value.as_bytes())
    }
}

impl From<Vec<u8>> for Value<'_> {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value.into())
    }
}

impl From<[u8; 32]> for Value<'_> {
    fn from(value: [u8; 32]) -> Self {
        Self::Blob(value.to_vec().into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value<'_> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// A column as it is stored.
pub(crate) fn column<'r, T>(row: &'r SqliteRow, name: &str) -> Result<T, sqlx::Error>
where
    T: Decode<'r, Sqlite> + Type<Sqlite>,
{
    row.try_get(name)
}

/// A position, number or generation id.
pub(crate) fn seq(row: &SqliteRow, name: &str) -> Result<Seq, sqlx::Error> {
    Ok(column::<i64>(row, name)?.cast_unsigned())
}

pub(crate) fn seq_option(row: &SqliteRow, name: &str) -> Result<Option<Seq>, sqlx::Error> {
    Ok(column::<Option<i64>>(row, name)?.map(i64::cast_unsigned))
}

pub(crate) fn timestamp(row: &SqliteRow, name: &str) -> Result<Timestamp, sqlx::Error> {
    column(row, name).map(Timestamp::from_millis)
}

pub(crate) fn timestamp_option(row: &SqliteRow, name: &str) -> Result<Option<Timestamp>, sqlx::Error> {
    Ok(column::<Option<i64>>(row, name)?.map(Timestamp::from_millis))
}

pub(crate) fn bytes<const N: usize>(row: &SqliteRow, name: &str) -> Result<[u8; N], sqlx::Error> {
    column::<&[u8]>(row, name)?.try_into().map_err(|_| damaged(name))
}

pub(crate) fn bytes_option<const N: usize>(row: &SqliteRow, name: &str) -> Result<Option<[u8; N]>, sqlx::Error> {
    column::<Option<&[u8]>>(row, name)?.map(|bytes| bytes.try_into().map_err(|_| damaged(name))).transpose()
}

pub(crate) fn device_id(row: &SqliteRow, name: &str) -> Result<DeviceId, sqlx::Error> {
    bytes(row, name).map(DeviceId::from_bytes)
}

pub(crate) fn lane(number: i64) -> Result<Lane, sqlx::Error> {
    Lane::ALL.into_iter().find(|&lane| lane_number(lane) == number).ok_or_else(|| damaged("lane"))
}

/// A value that no version of ours wrote: the database is damaged.
pub(crate) fn damaged(what: impl Display) -> sqlx::Error {
    sqlx::Error::Decode(format!("{what} holds a value that was never written").into())
}
