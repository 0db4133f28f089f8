//! Sessions that ended, and the life of the server that ended with them.

use std::collections::BTreeSet;

use longwire_model::limits::SESSIONS_MAX;
use longwire_model::{AppId, DeviceId, Session, SessionEnd, Timestamp};
use longwire_store::Written;

use super::Batch;
use crate::row::rest_text;
use crate::script::Script;
use crate::sql::{Value, device_id, json_devices, statement};

const ROW: &str = "INSERT INTO session (device, began_at, heard_at, ended_at, ending, resumed_at, rest)";
const REPLACE: &str = "ON CONFLICT (device, began_at) DO UPDATE SET heard_at = excluded.heard_at, ended_at = excluded.ended_at, \
     ending = excluded.ending, resumed_at = excluded.resumed_at, rest = excluded.rest";

/// Ended sessions to be written.
#[derive(Default)]
pub(super) struct SessionRows {
    devices: BTreeSet<DeviceId>,
    rows: Vec<Vec<Value>>,
}

impl SessionRows {
    pub(super) fn add(&mut self, device: DeviceId, session: &Session) {
        self.devices.insert(device);
        self.rows.push(vec![
            device.into(),
            session.began_at.into(),
            session.heard_at.into(),
            session.ended_at.into(),
            session.end.as_str().into(),
            session.resumed_at.into(),
            session.rest.as_deref().map(rest_text).into(),
        ]);
    }

    /// Writes them; of each device the newest stay.
    pub(super) async fn write(self, script: &mut Script<'_>) -> Result<(), sqlx::Error> {
        if self.rows.is_empty() {
            return Ok(());
        }
        script.insert(ROW, REPLACE, self.rows).await?;
        prune(script, &self.devices);
        Ok(())
    }
}

/// A session whose end was not written, as the next one begins.
pub(super) const fn unrecorded(began_at: Timestamp, at: Timestamp) -> Session {
    Session { began_at, heard_at: began_at, ended_at: at, end: SessionEnd::Unrecorded, resumed_at: None, rest: None }
}

fn prune(script: &mut Script<'_>, devices: &BTreeSet<DeviceId>) {
    const SQL: &str = "DELETE FROM session WHERE (device, began_at) IN (SELECT s.device, s.began_at FROM json_each(?) j \
         CROSS JOIN session s ON s.device = unhex(j.value) AND s.began_at <= (SELECT n.began_at FROM session n \
         WHERE n.device = unhex(j.value) ORDER BY n.began_at DESC LIMIT 1 OFFSET ?))";
    let most = u64::try_from(SESSIONS_MAX).unwrap_or(u64::MAX);
    script.add(SQL, [json_devices(devices), most.into()]);
}

impl Batch<'_> {
    pub(super) async fn alive(&mut self, app: AppId, at: Timestamp) -> Result<Written, sqlx::Error> {
        const SQL: &str = "UPDATE app SET alive_at = max(alive_at, ?2) WHERE id = ?1";
        self.end(app).await?;
        statement(SQL, [app.0.into(), at.into()]).execute(self.conn().await?).await?;
        Ok(Written::Done)
    }

    pub(super) async fn resume(&mut self, app: AppId, at: Timestamp) -> Result<Written, sqlx::Error> {
        const OPEN: &str = "SELECT s.device FROM device_state s JOIN device d ON d.id = s.device \
                            WHERE d.app = ? AND s.online_since IS NOT NULL";
        const END: &str = "INSERT INTO session (device, began_at, heard_at, ended_at, ending, resumed_at) \
             SELECT s.device, s.online_since, max(s.online_since, coalesce(s.last_seen, s.online_since)), \
             max(a.alive_at, s.online_since, coalesce(s.last_seen, s.online_since)), ?3, ?2 FROM device_state s \
             JOIN device d ON d.id = s.device JOIN app a ON a.id = d.app WHERE d.app = ?1 AND s.online_since IS NOT NULL \
             ON CONFLICT (device, began_at) DO UPDATE SET heard_at = excluded.heard_at, \
             ended_at = max(excluded.ended_at, session.ended_at), ending = excluded.ending, resumed_at = excluded.resumed_at";
        const CLOSE: &str = "UPDATE device_state SET online_since = NULL WHERE online_since IS NOT NULL \
                             AND device IN (SELECT id FROM device WHERE app = ?)";
        let rows = statement(OPEN, [app.0.into()]).fetch_all(self.conn().await?).await?;
        let devices = rows.iter().map(|row| device_id(row, "device")).collect::<Result<BTreeSet<_>, _>>()?;
        if !devices.is_empty() {
            let values: [Value; 3] = [app.0.into(), at.into(), SessionEnd::Restart.as_str().into()];
            statement(END, values).execute(self.conn().await?).await?;
            statement(CLOSE, [app.0.into()]).execute(self.conn().await?).await?;
            prune(&mut self.script, &devices);
        }
        self.alive(app, at).await
    }
}
