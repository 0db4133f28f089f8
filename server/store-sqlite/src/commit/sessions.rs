//! Sessions that ended, and the life of the server that ended with them.

use longwire_model::limits::SESSIONS_MAX;
use longwire_model::{AppId, DeviceId, Session, SessionEnd, Timestamp};
use longwire_store::Written;
use rusqlite::Connection;

use super::Batch;
use crate::direct::{Result, all, device_id, execute};
use crate::row::rest_text;
use crate::sql::Value;

/// Keeps an ended session; of each device the newest stay.
pub(super) fn add(conn: &Connection, device: DeviceId, session: &Session) -> Result<()> {
    const SQL: &str = "INSERT INTO session (device, began_at, heard_at, ended_at, ending, resumed_at, rest) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (device, began_at) DO UPDATE SET heard_at = excluded.heard_at, \
         ended_at = excluded.ended_at, ending = excluded.ending, resumed_at = excluded.resumed_at, rest = excluded.rest";
    let values: [Value<'_>; 7] = [
        device.into(),
        session.began_at.into(),
        session.heard_at.into(),
        session.ended_at.into(),
        session.end.as_str().into(),
        session.resumed_at.into(),
        session.rest.as_deref().map(rest_text).into(),
    ];
    execute(conn, SQL, values)?;
    prune(conn, device)
}

/// A session whose end was not written, as the next one begins.
pub(super) const fn unrecorded(began_at: Timestamp, at: Timestamp) -> Session {
    Session { began_at, heard_at: began_at, ended_at: at, end: SessionEnd::Unrecorded, resumed_at: None, rest: None }
}

fn prune(conn: &Connection, device: DeviceId) -> Result<()> {
    const SQL: &str = "DELETE FROM session WHERE device = ?1 AND began_at <= (SELECT n.began_at FROM session n \
                       WHERE n.device = ?1 ORDER BY n.began_at DESC LIMIT 1 OFFSET ?2)";
    let most = u64::try_from(SESSIONS_MAX).unwrap_or(u64::MAX);
    execute(conn, SQL, [device.into(), most.into()]).map(drop)
}

impl Batch<'_> {
    pub(super) fn alive(&mut self, app: AppId, at: Timestamp) -> Result<Written> {
        const SQL: &str = "UPDATE app SET alive_at = max(alive_at, ?2) WHERE id = ?1";
        self.end(app)?;
        execute(self.conn, SQL, [app.0.into(), at.into()])?;
        Ok(Written::Done)
    }

    pub(super) fn resume(&mut self, app: AppId, at: Timestamp) -> Result<Written> {
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
        self.write_states()?;
        self.known.forget();
        let devices = all(self.conn, OPEN, [app.0.into()], |row| device_id(row, "device"))?;
        if !devices.is_empty() {
            let values: [Value<'_>; 3] = [app.0.into(), at.into(), SessionEnd::Restart.as_str().into()];
            execute(self.conn, END, values)?;
            execute(self.conn, CLOSE, [app.0.into()])?;
            devices.into_iter().try_for_each(|device| prune(self.conn, device))?;
        }
        self.alive(app, at)
    }
}
