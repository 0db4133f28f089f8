//! Devices and what they are members of.

use longwire_model::entry::MembershipChange;
use longwire_model::{AppId, AudienceKey, DeviceId, EntryId, EntryKind, Timestamp};
use longwire_store::Written;
use longwire_store::write::{Change, Moves, NewDevice, Refusal};
use rusqlite::Row;

use super::Batch;
use crate::direct::{Result, all, damaged, device_id, execute, first};
use crate::row::kind_values;
use crate::sql::{Value, json_texts};

impl Batch<'_> {
    pub(super) fn register(&mut self, new: &NewDevice) -> Result<Written> {
        const DEVICE: &str = "INSERT INTO device (id, app, account, kind, name, created_at, installation_hash) \
                              VALUES (?, ?, ?, ?, ?, ?, ?)";
        const STATE: &str = "INSERT INTO device_state (device, normal, background) VALUES (?1, ?2, ?2)";
        if let Some(known) = self.find(new)? {
            return Ok(Written::Exists(known));
        }
        // The app's row must be there before anything refers to it.
        let seq = self.end(new.app)? + 1;
        let (kind, name) = kind_values(&new.kind);
        let values: [Value<'_>; 7] = [
            new.id.into(),
            new.app.0.into(),
            new.account.as_str().into(),
            kind.into(),
            name.into(),
            new.at.into(),
            new.installation_hash.into(),
        ];
        execute(self.conn, DEVICE, values)?;
        execute(self.conn, STATE, [new.id.into(), seq.into()])?;
        let joined = vec![AudienceKey::device(new.id), AudienceKey::all()];
        self.move_device(new.app, new.id, (new.entry, new.at), (joined, Vec::new()))
    }

    /// The device that has the id, or the account and kind, of a new one.
    fn find(&self, new: &NewDevice) -> Result<Option<DeviceId>> {
        const SQL: &str = "SELECT id FROM device WHERE id = ?";
        if let Some(known) = self.find_kind(new.app, &new.account, kind_values(&new.kind))? {
            return Ok(Some(known));
        }
        first(self.conn, SQL, [new.id.into()], |_| Ok(new.id))
    }

    fn find_kind(&self, app: AppId, account: &str, (kind, name): (i64, &str)) -> Result<Option<DeviceId>> {
        const SQL: &str = "SELECT id FROM device WHERE app = ? AND account = ? AND kind = ? AND name = ?";
        let values: [Value<'_>; 4] = [app.0.into(), account.into(), kind.into(), name.into()];
        first(self.conn, SQL, values, |row| device_id(row, "id"))
    }

    pub(super) fn change(
        &mut self,
        device: DeviceId,
        change: &Change,
        entry: EntryId,
        at: Timestamp,
    ) -> Result<Written> {
        let Some(owner) = self.owner_of(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        let moves = match change.against(&self.open_keys(device)?) {
            Err(refusal) => return Ok(Written::Refused(refusal)),
            Ok(moves) => moves,
        };
        if let (Some(key), Some(claims)) = (change.named(), &owner.claims) {
            self.disclaim(claims, key)?;
        }
        match moves {
            None => Ok(Written::Unchanged),
            Some(moves) => self.move_device(owner.app, device, (entry, at), moves),
        }
    }

    /// Appends the entry of a change and moves the memberships by it.
    pub(super) fn move_device(
        &mut self,
        app: AppId,
        device: DeviceId,
        (id, at): (EntryId, Timestamp),
        (joined, left): Moves,
    ) -> Result<Written> {
        const LEAVE: &str = "UPDATE membership SET left_seq = ?1, left_at = ?2 WHERE device = ?3 AND left_seq IS NULL \
                             AND key IN (SELECT value FROM json_each(?4))";
        const JOIN: &str = "INSERT INTO membership (app, key, device, joined_seq) VALUES (?, ?, ?, ?)";
        let change = MembershipChange { device, joined: joined.clone(), left: left.clone() };
        let entry = self.push(app, id, at, EntryKind::Membership(change))?;
        if !left.is_empty() {
            let keys = json_texts(left.iter().map(AudienceKey::as_str));
            let values: [Value<'_>; 4] = [entry.seq.into(), at.into(), device.into(), keys];
            execute(self.conn, LEAVE, values)?;
        }
        for key in &joined {
            execute(self.conn, JOIN, [app.0.into(), key.as_str().into(), device.into(), entry.seq.into()])?;
            self.count(app, key, 1);
        }
        left.iter().for_each(|key| self.count(app, key, -1));
        Ok(Written::Appended(entry))
    }

    pub(super) fn take_over(&mut self, device: DeviceId, account: &str, unless_disabled: bool) -> Result<Written> {
        const FIND: &str = "SELECT app, kind, d.name, coalesce(a.is_disabled, 0) AS is_disabled FROM device d \
                            LEFT JOIN account a ON a.name = d.account WHERE id = ?";
        const MOVE: &str = "UPDATE device SET account = ? WHERE id = ?";
        let read = |row: &Row<'_>| {
            Ok((AppId(row.get("app")?), row.get("kind")?, row.get::<_, String>("name")?, row.get("is_disabled")?))
        };
        let Some((app, kind, name, is_disabled)) = first(self.conn, FIND, [device.into()], read)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        if unless_disabled && is_disabled {
            return Ok(Written::Refused(Refusal::Disabled));
        }
        match self.find_kind(app, account, (kind, &name))? {
            Some(own) if own != device => Ok(Written::Exists(own)),
            Some(_) | None => {
                execute(self.conn, MOVE, [account.into(), device.into()])?;
                Ok(Written::Done)
            }
        }
    }

    pub(super) fn remove_device(&mut self, device: DeviceId, entry: EntryId, at: Timestamp) -> Result<Written> {
        const SQL: &str = "DELETE FROM device WHERE id = ?";
        let Some(app) = self.app_of(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        // What the group has at hand of it goes with it.
        self.write_states()?;
        self.known.forget();
        let left = self.open_keys(device)?;
        let written = self.move_device(app, device, (entry, at), (Vec::new(), left))?;
        execute(self.conn, SQL, [device.into()])?;
        Ok(written)
    }

    /// The app of a device; none when there is no such device.
    pub(super) fn app_of(&self, device: DeviceId) -> Result<Option<AppId>> {
        const SQL: &str = "SELECT app FROM device WHERE id = ?";
        first(self.conn, SQL, [device.into()], |row| row.get("app").map(AppId))
    }

    pub(super) fn open_keys(&self, device: DeviceId) -> Result<Vec<AudienceKey>> {
        const SQL: &str = "SELECT key FROM membership WHERE device = ? AND left_seq IS NULL ORDER BY joined_seq, key";
        let read = |row: &Row<'_>| row.get_ref("key")?.as_str()?.parse().map_err(|_| damaged("key"));
        all(self.conn, SQL, [device.into()], read)
    }
}
