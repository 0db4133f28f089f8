//! What original androidpn clients say of themselves.

use longwire_model::{AppId, AudienceKey, DeviceId, DeviceKind, EntryId, Timestamp};
use longwire_store::write::Refusal;
use longwire_store::{Claim, Written};
use rusqlite::Row;

use super::Batch;
use crate::direct::{Result, damaged, execute, first};
use crate::row::{keys_text, kind_values, parse_keys};

/// Whose a device is.
pub(super) struct Owner {
    pub(super) app: AppId,
    /// Of an original client's device.
    pub(super) claims: Option<Claims>,
}

/// What the account of an original client has claimed.
pub(super) struct Claims {
    account: String,
    claimed: Vec<AudienceKey>,
}

fn read_owner(row: &Row<'_>) -> Result<Owner> {
    let claims = match row.get::<_, Option<String>>("name")? {
        Some(account) => {
            let claimed = parse_keys(row.get_ref("claimed")?.as_str()?).ok_or_else(|| damaged("claimed"))?;
            Some(Claims { account, claimed })
        }
        None => None,
    };
    Ok(Owner { app: AppId(row.get("app")?), claims })
}

impl Batch<'_> {
    /// Whose a device is; none when there is no such device.
    pub(super) fn owner_of(&self, device: DeviceId) -> Result<Option<Owner>> {
        const SQL: &str = "SELECT d.app, a.name, a.claimed FROM device d \
                           LEFT JOIN androidpn_account a ON a.name = d.account AND d.kind = ?2 WHERE d.id = ?1";
        let (kind, _) = kind_values(&DeviceKind::Androidpn);
        first(self.conn, SQL, [device.into(), kind.into()], read_owner)
    }

    pub(super) fn claim(&mut self, device: DeviceId, claim: &Claim, entry: EntryId, at: Timestamp) -> Result<Written> {
        let Some(Owner { app, claims: Some(claims) }) = self.owner_of(device)? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        match claim.against(&claims.claimed, &self.open_keys(device)?) {
            Err(refusal) => Ok(Written::Refused(refusal)),
            Ok(None) => Ok(Written::Unchanged),
            Ok(Some(taken)) => {
                self.keep_claims(&claims.account, &taken.claimed)?;
                if taken.is_silent() {
                    return Ok(Written::Done);
                }
                self.move_device(app, device, (entry, at), taken.moves)
            }
        }
    }

    /// What an operator sets or takes is nobody's claim any more.
    pub(super) fn disclaim(&self, claims: &Claims, key: &AudienceKey) -> Result<()> {
        if !claims.claimed.contains(key) {
            return Ok(());
        }
        let left: Vec<AudienceKey> = claims.claimed.iter().filter(|own| *own != key).cloned().collect();
        self.keep_claims(&claims.account, &left)
    }

    fn keep_claims(&self, account: &str, claimed: &[AudienceKey]) -> Result<()> {
        const SQL: &str = "UPDATE androidpn_account SET claimed = ? WHERE name = ?";
        execute(self.conn, SQL, [keys_text(claimed).into(), account.into()])?;
        Ok(())
    }
}
