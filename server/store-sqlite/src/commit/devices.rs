//! Devices and what they are members of.

use longwire_model::entry::MembershipChange;
use longwire_model::{AppId, AudienceKey, DeviceId, EntryId, EntryKind, Timestamp};
use longwire_store::Written;
use longwire_store::write::{Change, Moves, NewDevice, Refusal};

use super::Batch;
use crate::row::{kind_values, membership};
use crate::sql::{Value, column, device_id, json_texts, statement};

impl Batch<'_> {
    pub(super) async fn register(&mut self, new: NewDevice) -> Result<Written, sqlx::Error> {
        const DEVICE: &str = "INSERT INTO device (id, app, account, kind, name, created_at, installation_hash) \
                              VALUES (?, ?, ?, ?, ?, ?, ?)";
        const STATE: &str = "INSERT INTO device_state (device, normal, background) VALUES (?1, ?2, ?2)";
        if let Some(known) = self.find(&new).await? {
            return Ok(Written::Exists(known));
        }
        // The app's row must be there before anything refers to it.
        let seq = self.end(new.app).await? + 1;
        let (kind, name) = kind_values(&new.kind);
        let values: [Value; 7] = [
            new.id.into(),
            new.app.0.into(),
            new.account.as_str().into(),
            kind.into(),
            name.into(),
            new.at.into(),
            new.installation_hash.into(),
        ];
        statement(DEVICE, values).execute(self.conn().await?).await?;
        statement(STATE, [new.id.into(), seq.into()]).execute(self.conn().await?).await?;
        let joined = vec![AudienceKey::device(new.id), AudienceKey::all()];
        self.move_device(new.app, new.id, (new.entry, new.at), (joined, Vec::new())).await
    }

    /// The device that has the id, or the account and kind, of a new one.
    async fn find(&mut self, new: &NewDevice) -> Result<Option<DeviceId>, sqlx::Error> {
        const SQL: &str = "SELECT id FROM device WHERE id = ?";
        if let Some(known) = self.find_kind(new.app, &new.account, kind_values(&new.kind)).await? {
            return Ok(Some(known));
        }
        let row = statement(SQL, [new.id.into()]).fetch_optional(self.conn().await?).await?;
        Ok(row.map(|_| new.id))
    }

    async fn find_kind(
        &mut self,
        app: AppId,
        account: &str,
        (kind, name): (i64, &str),
    ) -> Result<Option<DeviceId>, sqlx::Error> {
        const SQL: &str = "SELECT id FROM device WHERE app = ? AND account = ? AND kind = ? AND name = ?";
        let values: [Value; 4] = [app.0.into(), account.into(), kind.into(), name.into()];
        let row = statement(SQL, values).fetch_optional(self.conn().await?).await?;
        row.map(|row| device_id(&row, "id")).transpose()
    }

    pub(super) async fn change(
        &mut self,
        device: DeviceId,
        change: &Change,
        entry: EntryId,
        at: Timestamp,
    ) -> Result<Written, sqlx::Error> {
        let Some(owner) = self.owner_of(device).await? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        let moves = match change.against(&self.open_keys(device).await?) {
            Err(refusal) => return Ok(Written::Refused(refusal)),
            Ok(moves) => moves,
        };
        if let (Some(key), Some(claims)) = (change.named(), &owner.claims) {
            self.disclaim(claims, key).await?;
        }
        match moves {
            None => Ok(Written::Unchanged),
            Some(moves) => self.move_device(owner.app, device, (entry, at), moves).await,
        }
    }

    /// Appends the entry of a change and moves the memberships by it.
    pub(super) async fn move_device(
        &mut self,
        app: AppId,
        device: DeviceId,
        (id, at): (EntryId, Timestamp),
        (joined, left): Moves,
    ) -> Result<Written, sqlx::Error> {
        const LEAVE: &str = "UPDATE membership SET left_seq = ?1, left_at = ?2 WHERE device = ?3 AND left_seq IS NULL \
                             AND key IN (SELECT value FROM json_each(?4))";
        const JOIN: &str = "INSERT INTO membership (app, key, device, joined_seq)";
        let change = MembershipChange { device, joined: joined.clone(), left: left.clone() };
        let entry = self.push(app, id, at, EntryKind::Membership(change)).await?;
        if !left.is_empty() {
            let keys = json_texts(left.iter().map(AudienceKey::as_str));
            let values: [Value; 4] = [entry.seq.into(), at.into(), device.into(), keys];
            statement(LEAVE, values).execute(self.conn().await?).await?;
        }
        let row = |key: &AudienceKey| vec![app.0.into(), key.as_str().into(), device.into(), entry.seq.into()];
        self.script.insert(JOIN, "", joined.iter().map(row).collect()).await?;
        joined.iter().for_each(|key| self.stage.count(app, key, 1));
        left.iter().for_each(|key| self.stage.count(app, key, -1));
        Ok(Written::Appended(entry))
    }

    pub(super) async fn take_over(
        &mut self,
        device: DeviceId,
        account: &str,
        unless_disabled: bool,
    ) -> Result<Written, sqlx::Error> {
        const FIND: &str = "SELECT app, kind, d.name, coalesce(a.is_disabled, 0) AS is_disabled FROM device d \
                            LEFT JOIN account a ON a.name = d.account WHERE id = ?";
        const MOVE: &str = "UPDATE device SET account = ? WHERE id = ?";
        let Some(row) = statement(FIND, [device.into()]).fetch_optional(self.conn().await?).await? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        if unless_disabled && column(&row, "is_disabled")? {
            return Ok(Written::Refused(Refusal::Disabled));
        }
        let (app, kind, name) = (AppId(column(&row, "app")?), column(&row, "kind")?, column::<String>(&row, "name")?);
        match self.find_kind(app, account, (kind, &name)).await? {
            Some(own) if own != device => Ok(Written::Exists(own)),
            Some(_) | None => {
                statement(MOVE, [account.into(), device.into()]).execute(self.conn().await?).await?;
                Ok(Written::Done)
            }
        }
    }

    pub(super) async fn remove_device(
        &mut self,
        device: DeviceId,
        entry: EntryId,
        at: Timestamp,
    ) -> Result<Written, sqlx::Error> {
        const SQL: &str = "DELETE FROM device WHERE id = ?";
        let Some(app) = self.app_of(device).await? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        let left = self.open_keys(device).await?;
        let written = self.move_device(app, device, (entry, at), (Vec::new(), left)).await?;
        statement(SQL, [device.into()]).execute(self.conn().await?).await?;
        Ok(written)
    }

    /// The app of a device; none when there is no such device.
    pub(super) async fn app_of(&mut self, device: DeviceId) -> Result<Option<AppId>, sqlx::Error> {
        const SQL: &str = "SELECT app FROM device WHERE id = ?";
        let row = statement(SQL, [device.into()]).fetch_optional(self.conn().await?).await?;
        row.map(|row| column(&row, "app").map(AppId)).transpose()
    }

    pub(super) async fn open_keys(&mut self, device: DeviceId) -> Result<Vec<AudienceKey>, sqlx::Error> {
        const SQL: &str = "SELECT key, joined_seq, left_seq FROM membership WHERE device = ? AND left_seq IS NULL \
                           ORDER BY joined_seq, key";
        let rows = statement(SQL, [device.into()]).fetch_all(self.conn().await?).await?;
        rows.iter().map(|row| membership(row).map(|membership| membership.key)).collect()
    }
}
