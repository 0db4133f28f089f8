//! What the database knows of one notification, read beside the process that writes it, or without one.

use std::path::Path;
use std::time::Duration;

use longwire_client::account::Record;
use longwire_client::inbox::Row;
use longwire_protocol::DateTime;
use longwire_protocol::push::DeviceEvent;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, Row as _, SqliteConnection};

use super::row::{find, from_db, read_report};
use super::{OpenError, record, schema};

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

/// Reads what a device knows of a notification; none when there is no such device. Nothing is written, and nobody waits.
///
/// # Errors
/// When the file cannot be opened or read, or was made by another version.
pub async fn read(path: &Path, device: u32, id: &str) -> Result<Option<Known>, OpenError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(Duration::from_secs(5));
    let mut connection = SqliteConnection::connect_with(&options).await?;
    let known = if schema::is_made(&mut connection).await? { look(&mut connection, device, id).await? } else { None };
    connection.close().await?;
    Ok(known)
}

/// All of one moment: what is read belongs together.
async fn look(connection: &mut SqliteConnection, device: u32, id: &str) -> Result<Option<Known>, sqlx::Error> {
    let mut moment = connection.begin().await?;
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM device WHERE device = ?)")
        .bind(device)
        .fetch_one(&mut *moment)
        .await?;
    if !exists {
        return Ok(None);
    }
    let record = record::load(&mut moment, device).await?;
    let row = find(&mut moment, device, id).await?;
    let reports = "SELECT entry, kind, at, reason, action, text, answered FROM reports WHERE device = ? AND entry = ? ORDER BY number";
    let reports = sqlx::query(reports).bind(device).bind(id).fetch_all(&mut *moment).await?;
    let reports = reports.iter().map(|report| {
        let answered: Option<i64> = report.try_get("answered")?;
        Ok((read_report(report)?, answered.map(|at| DateTime(from_db(at)))))
    });
    let reports = reports.collect::<Result<_, sqlx::Error>>()?;
    Ok(Some(Known { record, row, reports }))
}
