//! Rows of the database as the client's types.

use longwire_client::Lane;
use longwire_client::inbox::{Owed, Row, RowState, Snapshot, Story};
use longwire_protocol::DateTime;
use longwire_protocol::push::DeviceEvent;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::{network, record};

const COLUMNS: &str = "SELECT id, seq, is_background, state, owed, revision, target, payload, user, expires, received, attempt, \
     deaths, story FROM inbox";
/// What the index of rows that a process has something to do for covers, in the words of its schema.
const IS_DUE: &str = "device = ? AND (state < 2 OR owed > 0)";

/// Unsigned numbers in SQLite's signed columns: what is larger counts as the largest.
pub(super) fn to_db(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn from_db(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

/// What a device's process needs at its start.
pub(super) async fn snapshot(connection: &mut SqliteConnection, device: u32) -> Result<Snapshot, sqlx::Error> {
    let record = record::load(connection, device).await?;
    let due = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE {IS_DUE} ORDER BY arrival")));
    let rows = due.bind(device).fetch_all(&mut *connection).await?;
    let rows = rows.iter().map(read_row).collect::<Result<_, _>>()?;
    let reports = "SELECT entry, kind, at, reason, action, text FROM reports WHERE device = ? AND answered IS NULL ORDER BY number";
    let reports = sqlx::query(reports);
    let reports = reports.bind(device).fetch_all(&mut *connection).await?;
    let reports = reports.iter().map(read_report).collect::<Result<_, _>>()?;
    let networks = network::load(connection, device).await?;
    Ok(Snapshot { record, rows, reports, networks, noted: None })
}

/// The row of a notification, if the device has one.
pub(super) async fn find(connection: &mut SqliteConnection, device: u32, id: &str) -> Result<Option<Row>, sqlx::Error> {
    let query = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE device = ? AND id = ?")));
    let row = query.bind(device).bind(id).fetch_optional(connection).await?;
    row.as_ref().map(read_row).transpose()
}

/// The rows of users that something is to be done for, in the order in which they were received.
pub(super) async fn of_users(connection: &mut SqliteConnection, device: u32) -> Result<Vec<Row>, sqlx::Error> {
    let condition = "user IS NOT NULL ORDER BY arrival";
    let query = sqlx::query(sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE {IS_DUE} AND {condition}")));
    let rows = query.bind(device).fetch_all(connection).await?;
    rows.iter().map(read_row).collect()
}

/// Writes a row in place of the one with its id.
pub(super) async fn save(connection: &mut SqliteConnection, device: u32, row: &Row) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "INSERT INTO inbox (device, id, seq, is_background, state, owed, revision, target, payload, user, expires, received,
             attempt, deaths, story)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (device, id) DO UPDATE SET state = excluded.state, owed = excluded.owed, revision = excluded.revision,
             payload = excluded.payload, expires = excluded.expires, attempt = excluded.attempt, deaths = excluded.deaths,
             story = excluded.story",
    );
    let query = query.bind(device).bind(&row.id).bind(to_db(row.seq)).bind(row.lane == Lane::Background);
    let query = query.bind(row.state.number()).bind(row.owed.number()).bind(to_db(row.revision));
    let query = query.bind(row.target.as_deref()).bind(&row.payload).bind(row.user.as_deref());
    let query = query.bind(to_db(row.expires_ms)).bind(to_db(row.received_ms)).bind(row.attempt).bind(row.deaths);
    query.bind(row.story.to_string()).execute(connection).await.map(drop)
}

fn read_row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let state: u8 = row.try_get("state")?;
    let state = RowState::from_number(state).ok_or_else(|| unreadable("state"))?;
    let is_background: bool = row.try_get("is_background")?;
    Ok(Row {
        id: row.try_get("id")?,
        seq: from_db(row.try_get("seq")?),
        lane: if is_background { Lane::Background } else { Lane::Normal },
        state,
        owed: Owed::from_number(row.try_get("owed")?).ok_or_else(|| unreadable("owed"))?,
        revision: from_db(row.try_get("revision")?),
        target: row.try_get("target")?,
        payload: row.try_get("payload")?,
        user: row.try_get("user")?,
        expires_ms: from_db(row.try_get("expires")?),
        received_ms: from_db(row.try_get("received")?),
        attempt: row.try_get("attempt")?,
        deaths: row.try_get("deaths")?,
        story: row.try_get::<String, _>("story")?.parse::<Story>().map_err(|_| unreadable("story"))?,
    })
}

pub(super) fn read_report(row: &SqliteRow) -> Result<DeviceEvent, sqlx::Error> {
    let kind: String = row.try_get("kind")?;
    Ok(DeviceEvent {
        entry: row.try_get("entry")?,
        kind: kind.parse().map_err(|_| unreadable("kind"))?,
        at: DateTime(from_db(row.try_get("at")?)),
        reason: row.try_get("reason")?,
        action: row.try_get("action")?,
        text: row.try_get("text")?,
    })
}

pub(super) fn unreadable(column: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("column {column} has a value of a newer version").into())
}
