//! Accounts of original androidpn clients with their devices.

use longwire_model::AndroidpnAccount;
use longwire_store::Written;
use longwire_store::write::NewDevice;

use super::Batch;
use crate::direct::{Result, execute};
use crate::row::keys_text;
use crate::sql::Value;

impl Batch<'_> {
    /// Makes the account of an original androidpn client, and its device.
    pub(super) fn add_original(&mut self, account: AndroidpnAccount, device: &NewDevice) -> Result<Written> {
        const SQL: &str = "INSERT INTO androidpn_account (name, sealed_password, email, full_name, created_at, claimed, is_disabled) \
                           SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE NOT EXISTS (SELECT 1 FROM account WHERE name = ?1) \
                           ON CONFLICT DO NOTHING";
        let values: [Value<'_>; 7] = [
            account.name.into(),
            account.sealed_password.into(),
            account.email.into(),
            account.full_name.into(),
            account.created_at.into(),
            keys_text(&account.claimed).into(),
            i64::from(account.is_disabled).into(),
        ];
        if execute(self.conn, SQL, values)? == 0 {
            return Ok(Written::Unchanged);
        }
        self.register(device)
    }
}
