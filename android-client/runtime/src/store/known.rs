//! What the database knows of one notification, read beside the process that writes it, or without one.

use std::path::Path;
use std::time::Duration;

use longwire_client_store::{Known, OpenError, is_made, known};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use super::database::{Connection, failed};
use super::shape;

/// Reads what a device knows of a notification; none when there is no such device. Nothing is written, and nobody waits.
///
/// # Errors
/// When the file cannot be opened or read, or was made by another version.
pub async fn read(path: &Path, device: u32, id: &str) -> Result<Option<Known>, OpenError> {
    let options = SqliteConnectOptions::new().filename(path).read_only(true).busy_timeout(Duration::from_secs(5));
    let mut connection = SqliteConnection::connect_with(&options).await.map_err(|error| failed(&error))?;
    let known = look(&mut connection, device, id).await?;
    connection.close().await.map_err(|error| failed(&error))?;
    Ok(known)
}

/// All of one moment: what is read belongs together.
async fn look(connection: &mut SqliteConnection, device: u32, id: &str) -> Result<Option<Known>, OpenError> {
    let mut moment = connection.begin().await.map_err(|error| failed(&error))?;
    if !is_made(&mut Connection(&mut moment)).await? {
        return Ok(None);
    }
    shape::check(&mut moment).await?;
    Ok(known(&mut Connection(&mut moment), device, id).await?)
}
