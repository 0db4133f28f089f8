//! Devices, their memberships, and the newest positions of their keys. Never the log (DESIGN rule 11).

use std::collections::HashMap;

use longwire_model::{AppId, AudienceKey, Device, DeviceId, DeviceKind, KeyHead, LaneSeqs, Membership, Seq};
use longwire_store::LoadedDevice;
use longwire_store::read::DeviceQuery;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::row::{self, kind_values};
use crate::sql::{Value, bytes, column, damaged, device_id, json_devices, seq, statement};

/// A device as of the end of its app's log: one statement, which sees one state of the database by itself.
pub(crate) async fn device(conn: &mut SqliteConnection, id: DeviceId) -> Result<Option<LoadedDevice>, sqlx::Error> {
    const SQL: &str = "SELECT d.*, s.*, a.last_seq, m.key, m.joined_seq, m.left_seq, h.normal AS newest_normal, \
         h.background AS newest_background, h.recall_normal, h.recall_background FROM device d \
         JOIN device_state s ON s.device = d.id JOIN app a ON a.id = d.app LEFT JOIN membership m ON m.device = d.id \
         LEFT JOIN key_head h ON h.app = m.app AND h.key = m.key WHERE d.id = ? ORDER BY m.joined_seq, m.key";
    let rows = statement(SQL, [id.into()]).fetch_all(conn).await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let mut device = row::device(first)?;
    let mut heads = HashMap::new();
    for found in &rows {
        // One that never was a member of anything has one row all the same.
        if column::<Option<&str>>(found, "key")?.is_none() {
            continue;
        }
        let membership = row::membership(found)?;
        if let Some(head) = head(found)? {
            heads.insert(membership.key.clone(), head);
        }
        device.memberships.push(membership);
    }
    Ok(Some(LoadedDevice { device, heads: heads.into_iter().collect(), as_of: seq(first, "last_seq")? }))
}

/// The head of a key; none when nothing was ever addressed to it.
fn head(row: &SqliteRow) -> Result<Option<KeyHead>, sqlx::Error> {
    if column::<Option<i64>>(row, "newest_normal")?.is_none() {
        return Ok(None);
    }
    let head = KeyHead {
        newest: LaneSeqs { normal: seq(row, "newest_normal")?, background: seq(row, "newest_background")? },
        newest_recall: LaneSeqs { normal: seq(row, "recall_normal")?, background: seq(row, "recall_background")? },
    };
    Ok((head != KeyHead::default()).then_some(head))
}

/// The device of an account by kind.
pub(crate) async fn find_device(
    conn: &mut SqliteConnection,
    app: AppId,
    account: &str,
    kind: &DeviceKind,
) -> Result<Option<DeviceId>, sqlx::Error> {
    const SQL: &str = "SELECT id FROM device WHERE app = ? AND account = ? AND kind = ? AND name = ?";
    let (kind, name) = kind_values(kind);
    let values: [Value<'_>; 4] = [app.0.into(), account.into(), kind.into(), name.into()];
    let row = statement(SQL, values).fetch_optional(conn).await?;
    row.map(|row| device_id(&row, "id")).transpose()
}

/// The push devices with a user-agent id and a hash.
pub(crate) async fn find_installations(
    conn: &mut SqliteConnection,
    app: AppId,
    agent: &str,
) -> Result<Vec<(DeviceId, [u8; 32])>, sqlx::Error> {
    const SQL: &str = "SELECT id, installation_hash FROM device WHERE app = ? AND kind = 0 AND name = ? \
                       AND installation_hash IS NOT NULL ORDER BY id";
    let rows = statement(SQL, [app.0.into(), agent.into()]).fetch_all(conn).await?;
    rows.iter().map(|row| Ok((device_id(row, "id")?, bytes(row, "installation_hash")?))).collect()
}

/// A page of devices.
pub(crate) async fn devices(conn: &mut SqliteConnection, query: DeviceQuery) -> Result<Vec<Device>, sqlx::Error> {
    // The plus keeps SQLite from an index by app: the page is read in the order of ids.
    const ALL: &str = "SELECT d.*, s.* FROM device d JOIN device_state s ON s.device = d.id \
                       WHERE +d.app = ?1 AND d.id > ?2 ORDER BY d.id LIMIT ?3";
    const OF_ACCOUNT: &str = "SELECT d.*, s.* FROM device d JOIN device_state s ON s.device = d.id \
                              WHERE d.app = ?1 AND d.id > ?2 AND d.account = ?4 ORDER BY d.id LIMIT ?3";
    const OF_KEY: &str = "SELECT d.*, s.* FROM membership m CROSS JOIN device d ON d.id = m.device \
         JOIN device_state s ON s.device = d.id WHERE m.app = ?1 AND m.device > ?2 AND m.key = ?5 \
         AND m.left_seq IS NULL AND (?4 IS NULL OR d.account = ?4) ORDER BY m.device LIMIT ?3";
    let sql = match (&query.key, &query.account) {
        (Some(_), _) => OF_KEY,
        (None, Some(_)) => OF_ACCOUNT,
        (None, None) => ALL,
    };
    let values: [Value<'_>; 5] = [
        query.app.0.into(),
        after(query.after),
        query.limit.into(),
        query.account.into(),
        query.key.as_ref().map(AudienceKey::as_str).into(),
    ];
    let rows = statement(sql, values).fetch_all(&mut *conn).await?;
    let mut devices = rows.iter().map(row::device).collect::<Result<Vec<_>, _>>()?;
    let mut memberships = memberships(conn, devices.iter().map(|device| &device.id)).await?;
    for device in &mut devices {
        device.memberships =
            memberships.remove(&device.id).unwrap_or_default().into_iter().map(|(own, _)| own).collect();
    }
    Ok(devices)
}

/// What devices are and were members of, in order, with the instants at which they left.
pub(super) async fn memberships(
    conn: &mut SqliteConnection,
    devices: impl IntoIterator<Item = &DeviceId>,
) -> Result<HashMap<DeviceId, Vec<(Membership, Option<longwire_model::Timestamp>)>>, sqlx::Error> {
    const SQL: &str = "SELECT m.device, m.key, m.joined_seq, m.left_seq, m.left_at FROM json_each(?) j \
                       CROSS JOIN membership m ON m.device = unhex(j.value) ORDER BY m.joined_seq, m.key";
    let mut memberships: HashMap<_, Vec<_>> = HashMap::new();
    for found in statement(SQL, [json_devices(devices)]).fetch_all(conn).await? {
        let membership = (row::membership(&found)?, crate::sql::timestamp_option(&found, "left_at")?);
        memberships.entry(device_id(&found, "device")?).or_default().push(membership);
    }
    Ok(memberships)
}

/// How many devices hold at least one of `keys` now.
pub(crate) async fn audience_size(
    conn: &mut SqliteConnection,
    app: AppId,
    keys: &[AudienceKey],
) -> Result<u64, sqlx::Error> {
    const ONE: &str = "SELECT members AS size FROM key_head WHERE app = ? AND key = ?";
    const SEVERAL: &str = "SELECT count(DISTINCT m.device) AS size FROM json_each(?2) j \
                           CROSS JOIN membership m ON m.app = ?1 AND m.key = j.value WHERE m.left_seq IS NULL";
    let all = AudienceKey::all();
    // Whoever holds any key holds `all`.
    let one = if keys.contains(&all) { Some(&all) } else { keys.first().filter(|_| keys.len() == 1) };
    let query = match one {
        Some(key) => statement(ONE, [app.0.into(), key.as_str().into()]),
        None => statement(SEVERAL, [app.0.into(), crate::sql::json_texts(keys.iter().map(AudienceKey::as_str))]),
    };
    let row = query.fetch_optional(conn).await?;
    let size = row.map_or(Ok(0), |row| column::<i64>(&row, "size"))?;
    u64::try_from(size).map_err(|_| damaged("members"))
}

/// The end of a log and its generations.
pub(crate) async fn head_of(conn: &mut SqliteConnection, app: AppId) -> Result<longwire_store::Head, sqlx::Error> {
    const GENERATIONS: &str = "SELECT id, seq FROM generation WHERE app = ? ORDER BY seq";
    let last = end(conn, app, "last_seq").await?;
    let rows = statement(GENERATIONS, [app.0.into()]).fetch_all(conn).await?;
    let generation = |row: &SqliteRow| {
        let id = longwire_model::GenerationId(seq(row, "id")?);
        Ok(longwire_model::device::Generation { id, seq: seq(row, "seq")? })
    };
    Ok(longwire_store::Head { last, generations: rows.iter().map(generation).collect::<Result<_, sqlx::Error>>()? })
}

/// `last_seq` or `floor` of an app; 0 for one that has no log.
pub(crate) async fn end(conn: &mut SqliteConnection, app: AppId, name: &str) -> Result<Seq, sqlx::Error> {
    const SQL: &str = "SELECT last_seq, floor FROM app WHERE id = ?";
    let row = statement(SQL, [app.0.into()]).fetch_optional(conn).await?;
    row.map_or(Ok(0), |row| seq(&row, name))
}

/// The id above which a page starts; an empty one is below all.
pub(super) fn after(device: Option<DeviceId>) -> Value<'static> {
    device.map_or_else(|| Vec::<u8>::new().into(), Value::from)
}
