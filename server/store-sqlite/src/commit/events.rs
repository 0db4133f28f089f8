//! What devices and their users say of notifications.

use longwire_model::delivery::{Event, USED_ACTIONS_MAX, UsedAction};
use longwire_model::{AppId, DeviceId, EntryId, EntryKind, Target};
use longwire_store::Written;
use longwire_store::write::{Dismissal, Refusal};
use rusqlite::Row;

use super::Batch;
use crate::direct::{Result, execute, first, seq};
use crate::row::keys_text;

impl Batch<'_> {
    pub(super) fn event(
        &mut self,
        device: DeviceId,
        entry: EntryId,
        event: Event,
        dismissal: Option<Dismissal>,
    ) -> Result<Written> {
        const SQL: &str = "INSERT INTO event (entry, device, type, at, reason) SELECT ?1, ?2, ?3, ?4, ?5 \
                           WHERE EXISTS (SELECT 1 FROM entry WHERE app = ?6 AND id = ?1) ON CONFLICT DO NOTHING";
        let Some(app) = self.app_at_hand(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        let kind = event.kind.as_str();
        let values = [entry.into(), device.into(), kind.into(), event.at.into(), event.reason.into(), app.0.into()];
        if execute(self.conn, SQL, values)? == 0 {
            return Ok(Written::Unchanged);
        }
        dismissal.map_or(Ok(Written::Done), |dismissal| self.dismiss(app, dismissal))
    }

    pub(super) fn action(&mut self, device: DeviceId, entry: EntryId, used: UsedAction) -> Result<Written> {
        const SQL: &str = "INSERT INTO used_action (entry, device, told_at, action, text, at) SELECT ?1, ?2, ?3, ?4, ?5, ?6 \
                           WHERE EXISTS (SELECT 1 FROM entry WHERE app = ?7 AND id = ?1) \
                           AND (SELECT count(*) FROM used_action WHERE entry = ?1 AND device = ?2) < ?8 ON CONFLICT DO NOTHING";
        let Some(app) = self.app_at_hand(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        let values = [
            entry.into(),
            device.into(),
            used.told_at.into(),
            used.action.into(),
            used.text.unwrap_or_default().into(),
            used.at.into(),
            app.0.into(),
            (USED_ACTIONS_MAX as u64).into(),
        ];
        Ok(if execute(self.conn, SQL, values)? == 0 { Written::Unchanged } else { Written::Done })
    }

    /// Appends a dismissal, unless there is one of the same target for the same audience.
    fn dismiss(&mut self, app: AppId, dismissal: Dismissal) -> Result<Written> {
        const SQL: &str = "SELECT t.seq, EXISTS (SELECT 1 FROM entry f WHERE f.app = t.app AND f.target_seq = t.seq \
                           AND f.kind = 'dismissal' AND f.audience = ?3) AS held FROM entry t \
                           WHERE t.app = ?1 AND t.id = ?2 AND t.kind = 'notification'";
        let Dismissal { id, at, target, routing } = dismissal;
        let values = [app.0.into(), target.id.into(), keys_text(&routing.audience).into()];
        let read = |row: &Row<'_>| Ok((seq(row, "seq")?, row.get("held")?));
        match first(self.conn, SQL, values, read)? {
            None | Some((_, true)) => Ok(Written::Done),
            Some((seq, false)) => {
                let kind = EntryKind::Dismissal(Target { seq, ..target }, routing);
                self.push(app, id, at, kind).map(Written::Appended)
            }
        }
    }
}
