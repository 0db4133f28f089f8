//! What the server is to be told, and what it was.

use longwire_protocol::DateTime;
use longwire_protocol::push::DeviceEvent;

use crate::{Columns, Database, DatabaseError, device as of, number, optional, text};

/// What was not answered yet, in order.
pub(crate) async fn open<D: Database>(database: &mut D, device: u32) -> Result<Vec<DeviceEvent>, DatabaseError> {
    let sql = "SELECT entry, kind, at, reason, action, text FROM reports WHERE device = ? AND answered IS NULL ORDER BY number";
    database.query(sql, vec![of(device)]).await?.iter_mut().map(read).collect()
}

/// What was reported of a notification, each with the time of the server's answer.
pub(crate) async fn of_entry<D: Database>(
    database: &mut D,
    device: u32,
    id: &str,
) -> Result<Vec<(DeviceEvent, Option<DateTime>)>, DatabaseError> {
    let sql = "SELECT entry, kind, at, reason, action, text, answered FROM reports WHERE device = ? AND entry = ? ORDER BY number";
    let rows = database.query(sql, vec![of(device), text(id)]).await?;
    let read = |mut row| Ok((read(&mut row)?, row.optional_number("answered")?.map(DateTime)));
    rows.into_iter().map(read).collect()
}

/// Whether the report is one that was not told before.
pub(crate) async fn add<D: Database>(
    database: &mut D,
    device: u32,
    report: &DeviceEvent,
) -> Result<bool, DatabaseError> {
    let optional_text = |value: &Option<String>| optional(value.as_deref().map(text));
    let values = vec![
        of(device),
        text(&report.entry),
        text(report.kind.as_str()),
        number(report.at.unix_ms()),
        optional_text(&report.reason),
        optional_text(&report.action),
        optional_text(&report.text),
    ];
    let sql =
        "INSERT OR IGNORE INTO reports (device, entry, kind, at, reason, action, text) VALUES (?, ?, ?, ?, ?, ?, ?)";
    Ok(database.execute(sql, values).await? > 0)
}

/// The server answered it.
pub(crate) async fn answer<D: Database>(
    database: &mut D,
    device: u32,
    report: &DeviceEvent,
    at_ms: u64,
) -> Result<(), DatabaseError> {
    let values = vec![
        number(at_ms),
        of(device),
        text(&report.entry),
        text(report.kind.as_str()),
        optional(report.action.as_deref().map(text)),
        number(report.at.unix_ms()),
        optional(report.text.as_deref().map(text)),
    ];
    let sql = "UPDATE reports SET answered = ? WHERE device = ? AND entry = ? AND kind = ? AND answered IS NULL
               AND (action IS NULL OR (action IS ? AND at = ? AND text IS ?))";
    database.execute(sql, values).await.map(drop)
}

fn read(row: &mut Columns) -> Result<DeviceEvent, DatabaseError> {
    Ok(DeviceEvent {
        entry: row.text("entry")?,
        kind: row.text("kind")?.parse().map_err(|_| DatabaseError::Unreadable("kind"))?,
        at: DateTime(row.number("at")?),
        reason: row.optional_text("reason")?,
        action: row.optional_text("action")?,
        text: row.optional_text("text")?,
    })
}
