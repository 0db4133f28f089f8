//! Accounts of original androidpn clients with their devices: an import makes many at once.

use std::collections::{HashMap, HashSet};
use std::iter::Peekable;

use longwire_model::entry::MembershipChange;
use longwire_model::{AndroidpnAccount, AppId, AudienceKey, DeviceId, DeviceKind, EntryKind};
use longwire_store::write::NewDevice;
use longwire_store::{Write, Written};

use super::Batch;
use crate::row::{keys_text, kind_values};
use crate::sql::{Value, column, device_id, json_devices, json_texts, statement};

/// The next write, where it makes another account of the same app.
pub(super) fn next_of(
    writes: &mut Peekable<impl Iterator<Item = Write>>,
    app: AppId,
) -> Option<(AndroidpnAccount, NewDevice)> {
    let is_alike = |next: &Write| matches!(next, Write::AddAndroidpn { device, .. } if device.app == app);
    match writes.next_if(is_alike) {
        Some(Write::AddAndroidpn { account, device }) => Some((account, device)),
        Some(_) | None => None,
    }
}

/// What is there already of what a group would make.
struct Here {
    /// Names of accounts of either kind.
    names: HashSet<String>,
    /// Devices of original clients by the names of their accounts.
    devices: HashMap<String, DeviceId>,
    ids: HashSet<DeviceId>,
}

/// Rows to be written, in this order: the later refer to the earlier.
#[derive(Default)]
struct Rows {
    accounts: Vec<Vec<Value>>,
    devices: Vec<Vec<Value>>,
    states: Vec<Vec<Value>>,
    memberships: Vec<Vec<Value>>,
}

impl Batch<'_> {
    /// Makes accounts of original androidpn clients, each with its device, in few statements; one answer per account, in order.
    pub(super) async fn add_originals(
        &mut self,
        app: AppId,
        originals: Vec<(AndroidpnAccount, NewDevice)>,
    ) -> Result<Vec<Written>, sqlx::Error> {
        let mut here = self.originals_here(app, &originals).await?;
        // The app's row must be there before anything refers to it.
        self.end(app).await?;
        let mut rows = Rows::default();
        let mut answers = Vec::with_capacity(originals.len());
        for (account, device) in originals {
            if !here.names.insert(account.name.clone()) {
                answers.push(Written::Unchanged);
                continue;
            }
            let known = here.devices.get(&device.account).copied();
            rows.accounts.push(account_row(account));
            match known.or_else(|| here.ids.contains(&device.id).then_some(device.id)) {
                Some(known) => answers.push(Written::Exists(known)),
                None => {
                    here.devices.insert(device.account.clone(), device.id);
                    here.ids.insert(device.id);
                    answers.push(self.stage_device(device, &mut rows).await?);
                }
            }
        }
        self.write_originals(rows).await?;
        Ok(answers)
    }

    async fn originals_here(
        &mut self,
        app: AppId,
        originals: &[(AndroidpnAccount, NewDevice)],
    ) -> Result<Here, sqlx::Error> {
        const NAMES: &str = "SELECT name FROM account WHERE name IN (SELECT value FROM json_each(?1)) \
                             UNION ALL SELECT name FROM androidpn_account WHERE name IN (SELECT value FROM json_each(?1))";
        const DEVICES: &str = "SELECT id, account FROM device WHERE app = ? AND kind = ? AND name = ? \
                               AND account IN (SELECT value FROM json_each(?))";
        const IDS: &str = "SELECT id FROM device WHERE id IN (SELECT unhex(value) FROM json_each(?))";
        let names = json_texts(originals.iter().map(|(account, _)| account.name.as_str()));
        let rows = statement(NAMES, [names]).fetch_all(self.conn().await?).await?;
        let names = rows.iter().map(|row| column(row, "name")).collect::<Result<_, _>>()?;
        let (kind, name) = kind_values(&DeviceKind::Androidpn);
        let accounts = json_texts(originals.iter().map(|(_, device)| device.account.as_str()));
        let values: [Value; 4] = [app.0.into(), kind.into(), name.into(), accounts];
        let rows = statement(DEVICES, values).fetch_all(self.conn().await?).await?;
        let pair = |row| Ok((column(row, "account")?, device_id(row, "id")?));
        let devices = rows.iter().map(pair).collect::<Result<_, sqlx::Error>>()?;
        let ids = json_devices(originals.iter().map(|(_, device)| &device.id));
        let rows = statement(IDS, [ids]).fetch_all(self.conn().await?).await?;
        let ids = rows.iter().map(|row| device_id(row, "id")).collect::<Result<_, _>>()?;
        Ok(Here { names, devices, ids })
    }

    /// Appends the entry of a new device and stages its rows.
    async fn stage_device(&mut self, new: NewDevice, rows: &mut Rows) -> Result<Written, sqlx::Error> {
        let joined = vec![AudienceKey::device(new.id), AudienceKey::all()];
        let change = MembershipChange { device: new.id, joined: joined.clone(), left: Vec::new() };
        let entry = self.push(new.app, new.entry, new.at, EntryKind::Membership(change)).await?;
        let (kind, name) = kind_values(&new.kind);
        rows.devices.push(vec![
            new.id.into(),
            new.app.0.into(),
            new.account.into(),
            kind.into(),
            name.into(),
            new.at.into(),
            new.installation_hash.into(),
        ]);
        rows.states.push(vec![new.id.into(), entry.seq.into(), entry.seq.into()]);
        for key in &joined {
            rows.memberships.push(vec![new.app.0.into(), key.as_str().into(), new.id.into(), entry.seq.into()]);
            self.stage.count(new.app, key, 1);
        }
        Ok(Written::Appended(entry))
    }

    async fn write_originals(&mut self, rows: Rows) -> Result<(), sqlx::Error> {
        const ACCOUNT: &str =
            "INSERT INTO androidpn_account (name, sealed_password, email, full_name, created_at, claimed, is_disabled)";
        const DEVICE: &str = "INSERT INTO device (id, app, account, kind, name, created_at, installation_hash)";
        const STATE: &str = "INSERT INTO device_state (device, normal, background)";
        const MEMBERSHIP: &str = "INSERT INTO membership (app, key, device, joined_seq)";
        self.script.insert(ACCOUNT, "", rows.accounts).await?;
        self.script.insert(DEVICE, "", rows.devices).await?;
        self.script.insert(STATE, "", rows.states).await?;
        self.script.insert(MEMBERSHIP, "", rows.memberships).await
    }
}

fn account_row(account: AndroidpnAccount) -> Vec<Value> {
    let claimed = keys_text(&account.claimed);
    vec![
        account.name.into(),
        account.sealed_password.into(),
        account.email.into(),
        account.full_name.into(),
        account.created_at.into(),
        claimed.into(),
        i64::from(account.is_disabled).into(),
    ]
}
