//! What a device has learned of networks.

use longwire_client::heartbeat::{Learned, NETWORKS_MAX, NetworkId};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::row::{from_db, to_db};

/// The network that was used last comes first.
pub(super) async fn load(connection: &mut SqliteConnection, device: u32) -> Result<Vec<Learned>, sqlx::Error> {
    let query = sqlx::query("SELECT * FROM networks WHERE device = ? ORDER BY used DESC").bind(device);
    query.fetch_all(connection).await?.iter().map(read).collect()
}

/// Writes what is known of a network in place of what was, and forgets those that were used longest ago.
pub(super) async fn save(connection: &mut SqliteConnection, device: u32, learned: &Learned) -> Result<(), sqlx::Error> {
    let query = sqlx::query("INSERT OR REPLACE INTO networks VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(device)
        .bind(learned.network.0.cast_signed())
        .bind(to_db(learned.interval_ms))
        .bind(to_db(learned.survived_ms))
        .bind(learned.failed_ms.map(to_db))
        .bind(learned.failures)
        .bind(learned.calm)
        .bind(to_db(learned.used));
    query.execute(&mut *connection).await?;
    let query = sqlx::query(
        "DELETE FROM networks WHERE device = ? AND network NOT IN
             (SELECT network FROM networks WHERE device = ? ORDER BY used DESC LIMIT ?)",
    );
    let limit = i64::try_from(NETWORKS_MAX).unwrap_or(i64::MAX);
    query.bind(device).bind(device).bind(limit).execute(connection).await.map(drop)
}

fn read(row: &SqliteRow) -> Result<Learned, sqlx::Error> {
    let network: i64 = row.try_get("network")?;
    let failed: Option<i64> = row.try_get("failed")?;
    Ok(Learned {
        network: NetworkId(network.cast_unsigned()),
        interval_ms: from_db(row.try_get("heartbeat")?),
        survived_ms: from_db(row.try_get("survived")?),
        failed_ms: failed.map(from_db),
        failures: row.try_get("failures")?,
        calm: row.try_get("calm")?,
        used: from_db(row.try_get("used")?),
    })
}
