//! What a device has learned of networks.

use longwire_client::heartbeat::{Learned, NETWORKS_MAX, NetworkId};

use crate::{Columns, Database, DatabaseError, Value, device as of, number, optional};

/// The network that was used last comes first.
pub(crate) async fn load<D: Database>(database: &mut D, device: u32) -> Result<Vec<Learned>, DatabaseError> {
    let sql = "SELECT network, heartbeat, survived, failed, failures, calm, used FROM networks WHERE device = ? ORDER BY used DESC";
    database.query(sql, vec![of(device)]).await?.into_iter().map(read).collect()
}

/// Writes what is known of a network in place of what was, and forgets those that were used longest ago.
pub(crate) async fn save<D: Database>(database: &mut D, device: u32, learned: &Learned) -> Result<(), DatabaseError> {
    let values = vec![
        of(device),
        Value::Integer(learned.network.0.cast_signed()),
        number(learned.interval_ms),
        number(learned.survived_ms),
        optional(learned.failed_ms.map(number)),
        number(learned.failures.into()),
        number(learned.calm.into()),
        number(learned.used),
    ];
    let sql = "INSERT OR REPLACE INTO networks (device, network, heartbeat, survived, failed, failures, calm, used)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    database.execute(sql, values).await?;
    let sql = "DELETE FROM networks WHERE device = ? AND network NOT IN
                   (SELECT network FROM networks WHERE device = ? ORDER BY used DESC LIMIT ?)";
    let limit = i64::try_from(NETWORKS_MAX).unwrap_or(i64::MAX);
    database.execute(sql, vec![of(device), of(device), Value::Integer(limit)]).await.map(drop)
}

fn read(mut row: Columns) -> Result<Learned, DatabaseError> {
    let network = row.optional_integer("network")?.ok_or(DatabaseError::Unreadable("network"))?;
    Ok(Learned {
        network: NetworkId(network.cast_unsigned()),
        interval_ms: row.number("heartbeat")?,
        survived_ms: row.number("survived")?,
        failed_ms: row.optional_number("failed")?,
        failures: row.number("failures")?,
        calm: row.number("calm")?,
        used: row.number("used")?,
    })
}
