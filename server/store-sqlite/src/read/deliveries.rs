//! What the delivery states of one notification are derived from.

use std::collections::HashMap;

use longwire_model::delivery::{Acknowledgement, Event, UsedAction};
use longwire_model::entry::Routing;
use longwire_model::{AudienceKey, DeviceId, Entry, Lane, Membership, Seq, Session, Timestamp};
use longwire_store::DeliveryRow;
use sqlx::Row as _;
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::devices::{after, memberships};
use crate::row;
use crate::sql::{Value, device_id, json_devices, json_texts, seq, statement, timestamp_option};

/// A page of the devices whose interval holds the notification.
pub(crate) async fn deliveries(
    conn: &mut SqliteConnection,
    entry: &Entry,
    start: Option<DeviceId>,
    limit: u32,
) -> Result<Vec<DeliveryRow>, sqlx::Error> {
    let Some(routing) = entry.kind.routing() else {
        return Ok(Vec::new());
    };
    let devices = audience(conn, entry, routing, start, limit).await?;
    let mut memberships = memberships(conn, &devices).await?;
    let mut rows = acknowledgements(conn, entry, routing, &devices).await?;
    let mut events = events(conn, entry, &devices).await?;
    let mut actions = actions(conn, entry, &devices).await?;
    let mut contacts = contacts(conn, routing.lane, &devices).await?;
    let delivery = |device: DeviceId| {
        let own = memberships.remove(&device).unwrap_or_default();
        let Contact { account, recorded, offline_since, last_seen } = contacts.remove(&device).unwrap_or_default();
        DeliveryRow {
            device,
            account,
            left_at: left_at(&own, &routing.audience, entry.seq),
            memberships: own.into_iter().map(|(membership, _)| membership).collect(),
            acknowledgement: rows.remove(&device),
            events: events.remove(&device).unwrap_or_default(),
            actions: actions.remove(&device).unwrap_or_default(),
            recorded,
            offline_since,
            last_seen,
        }
    };
    Ok(devices.into_iter().map(delivery).collect())
}

async fn audience(
    conn: &mut SqliteConnection,
    entry: &Entry,
    routing: &Routing,
    start: Option<DeviceId>,
    limit: u32,
) -> Result<Vec<DeviceId>, sqlx::Error> {
    const ONE_KEY: &str = "SELECT DISTINCT device FROM membership WHERE app = ?1 AND key = ?2 AND device > ?3 \
         AND joined_seq < ?4 AND (left_seq IS NULL OR left_seq >= ?4) ORDER BY device LIMIT ?5";
    const KEYS: &str = "SELECT DISTINCT m.device FROM json_each(?2) j CROSS JOIN membership m \
         ON m.app = ?1 AND m.key = j.value AND m.device > ?3 \
         WHERE m.joined_seq < ?4 AND (m.left_seq IS NULL OR m.left_seq >= ?4) ORDER BY m.device LIMIT ?5";
    let (sql, keys) = match &*routing.audience {
        [key] => (ONE_KEY, key.as_str().into()),
        keys => (KEYS, json_texts(keys.iter().map(AudienceKey::as_str))),
    };
    let values: [Value<'_>; 5] = [entry.app.0.into(), keys, after(start), entry.seq.into(), limit.into()];
    let rows = statement(sql, values).fetch_all(conn).await?;
    rows.iter().map(|row| device_id(row, "device")).collect()
}

/// When the last of the intervals that hold `seq` was left; none while one is open.
fn left_at(memberships: &[(Membership, Option<Timestamp>)], audience: &[AudienceKey], seq: Seq) -> Option<Timestamp> {
    let mut latest = None;
    for (membership, left_at) in memberships {
        if membership.holds(seq) && audience.contains(&membership.key) {
            latest = latest.max(Some((*left_at)?));
        }
    }
    latest
}

async fn acknowledgements(
    conn: &mut SqliteConnection,
    entry: &Entry,
    routing: &Routing,
    devices: &[DeviceId],
) -> Result<HashMap<DeviceId, Acknowledgement>, sqlx::Error> {
    // The rows of a lane follow each other: the first that ends at the entry or above is the only one that can cover it.
    const SQL: &str = "SELECT a.* FROM json_each(?1) j CROSS JOIN acknowledgement a ON a.device = unhex(j.value) \
         AND a.lane = ?2 AND a.to_seq = (SELECT min(b.to_seq) FROM acknowledgement b WHERE b.device = unhex(j.value) \
         AND b.lane = ?2 AND b.to_seq >= ?3) WHERE a.from_seq < ?3";
    let values = [json_devices(devices), routing.lane.into(), entry.seq.into()];
    let rows = statement(SQL, values).fetch_all(conn).await?;
    rows.iter().map(|found| Ok((device_id(found, "device")?, row::acknowledgement(found)?))).collect()
}

async fn events(
    conn: &mut SqliteConnection,
    entry: &Entry,
    devices: &[DeviceId],
) -> Result<HashMap<DeviceId, Vec<Event>>, sqlx::Error> {
    const SQL: &str =
        "SELECT v.* FROM json_each(?2) j CROSS JOIN event v ON v.entry = ?1 AND v.device = unhex(j.value)";
    let rows = statement(SQL, [entry.id.into(), json_devices(devices)]).fetch_all(conn).await?;
    let mut events: HashMap<DeviceId, Vec<Event>> = HashMap::new();
    for found in rows {
        events.entry(device_id(&found, "device")?).or_default().push(row::event(&found)?);
    }
    for own in events.values_mut() {
        own.sort_by_key(|event| event.kind);
    }
    Ok(events)
}

async fn actions(
    conn: &mut SqliteConnection,
    entry: &Entry,
    devices: &[DeviceId],
) -> Result<HashMap<DeviceId, Vec<UsedAction>>, sqlx::Error> {
    const SQL: &str =
        "SELECT u.* FROM json_each(?2) j CROSS JOIN used_action u ON u.entry = ?1 AND u.device = unhex(j.value)";
    let rows = statement(SQL, [entry.id.into(), json_devices(devices)]).fetch_all(conn).await?;
    let mut actions: HashMap<DeviceId, Vec<UsedAction>> = HashMap::new();
    for found in rows {
        actions.entry(device_id(&found, "device")?).or_default().push(row::used_action(&found)?);
    }
    actions.values_mut().for_each(|own| own.sort());
    Ok(actions)
}

/// The sessions of devices that ended at `since` or later, and of each the last before.
pub(crate) async fn sessions(
    conn: &mut SqliteConnection,
    devices: &[DeviceId],
    since: Timestamp,
) -> Result<HashMap<DeviceId, Vec<Session>>, sqlx::Error> {
    const SQL: &str = "WITH d AS MATERIALIZED (SELECT unhex(j.value) AS device, (SELECT max(b.began_at) FROM session b \
         WHERE b.device = unhex(j.value) AND b.ended_at < ?2) AS before FROM json_each(?1) j) \
         SELECT s.* FROM d CROSS JOIN session s ON s.device = d.device WHERE s.ended_at >= ?2 OR s.began_at = d.before \
         ORDER BY s.began_at";
    let mut sessions: HashMap<DeviceId, Vec<Session>> = HashMap::new();
    for found in statement(SQL, [json_devices(devices), since.into()]).fetch_all(conn).await? {
        sessions.entry(device_id(&found, "device")?).or_default().push(row::session(&found)?);
    }
    Ok(sessions)
}

/// What is known of a device beside the notification.
#[derive(Default)]
struct Contact {
    account: Option<String>,
    recorded: Seq,
    offline_since: Option<Timestamp>,
    last_seen: Option<Timestamp>,
}

async fn contacts(
    conn: &mut SqliteConnection,
    lane: Lane,
    devices: &[DeviceId],
) -> Result<HashMap<DeviceId, Contact>, sqlx::Error> {
    const SQL: &str = "SELECT s.device, s.normal, s.background, s.offline_since, s.last_seen, d.account FROM json_each(?) j \
                       CROSS JOIN device_state s ON s.device = unhex(j.value) CROSS JOIN device d ON d.id = s.device";
    let rows = statement(SQL, [json_devices(devices)]).fetch_all(conn).await?;
    let contact = |row: &SqliteRow| {
        let account: String = row.try_get("account")?;
        let contact = Contact {
            account: Some(account).filter(|account| !account.is_empty()),
            recorded: seq(row, lane.as_str())?,
            offline_since: timestamp_option(row, "offline_since")?,
            last_seen: timestamp_option(row, "last_seen")?,
        };
        Ok((device_id(row, "device")?, contact))
    };
    rows.iter().map(contact).collect()
}
