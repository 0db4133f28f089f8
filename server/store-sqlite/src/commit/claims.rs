//! What original androidpn clients say of themselves.

use longwire_model::{AppId, AudienceKey, DeviceId, DeviceKind, EntryId, Timestamp};
use longwire_store::write::Refusal;
use longwire_store::{Claim, Written};

use super::Batch;
use crate::row::{claimed, keys_text, kind_values};
use crate::sql::{column, statement};

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

impl Batch<'_> {
    /// Whose a device is; none when there is no such device.
    pub(super) async fn owner_of(&mut self, device: DeviceId) -> Result<Option<Owner>, sqlx::Error> {
        const SQL: &str = "SELECT d.app, a.name, a.claimed FROM device d \
                           LEFT JOIN androidpn_account a ON a.name = d.account AND d.kind = ?2 WHERE d.id = ?1";
        let (kind, _) = kind_values(&DeviceKind::Androidpn);
        let values = [device.into(), kind.into()];
        let Some(row) = statement(SQL, values).fetch_optional(self.conn().await?).await? else { return Ok(None) };
        let claims = match column::<Option<String>>(&row, "name")? {
            Some(account) => Some(Claims { account, claimed: claimed(&row)? }),
            None => None,
        };
        Ok(Some(Owner { app: AppId(column(&row, "app")?), claims }))
    }

    pub(super) async fn claim(
        &mut self,
        device: DeviceId,
        claim: &Claim,
        entry: EntryId,
        at: Timestamp,
    ) -> Result<Written, sqlx::Error> {
        let Some(Owner { app, claims: Some(claims) }) = self.owner_of(device).await? else {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        };
        match claim.against(&claims.claimed, &self.open_keys(device).await?) {
            Err(refusal) => Ok(Written::Refused(refusal)),
            Ok(None) => Ok(Written::Unchanged),
            Ok(Some(taken)) => {
                self.keep_claims(&claims.account, &taken.claimed).await?;
                if taken.is_silent() {
                    return Ok(Written::Done);
                }
                self.move_device(app, device, (entry, at), taken.moves).await
            }
        }
    }

    /// What an operator sets or takes is nobody's claim any more.
    pub(super) async fn disclaim(&mut self, claims: &Claims, key: &AudienceKey) -> Result<(), sqlx::Error> {
        if !claims.claimed.contains(key) {
            return Ok(());
        }
        let left: Vec<AudienceKey> = claims.claimed.iter().filter(|own| *own != key).cloned().collect();
        self.keep_claims(&claims.account, &left).await
    }

    async fn keep_claims(&mut self, account: &str, claimed: &[AudienceKey]) -> Result<(), sqlx::Error> {
        const SQL: &str = "UPDATE androidpn_account SET claimed = ? WHERE name = ?";
        statement(SQL, [keys_text(claimed).into(), account.into()]).execute(self.conn().await?).await?;
        Ok(())
    }
}
