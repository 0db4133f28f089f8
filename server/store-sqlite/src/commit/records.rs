//! Accounts, FAST tokens, API keys and app keys.

use longwire_model::account::{FastToken, FastTokens};
use longwire_model::{Account, ApiKey, AppId, AppKey, DeviceId, Scope, Timestamp, UserKey};
use longwire_store::Written;
use longwire_store::write::{AccountChange, AndroidpnChange, Refusal};

use super::Batch;
use crate::direct::{Result, execute, first};
use crate::sql::Value;

impl Batch<'_> {
    pub(super) fn add_account(&mut self, account: Account) -> Result<Written> {
        const SQL: &str = "INSERT INTO account (name, salt, iterations, stored_key, server_key, created_at, is_disabled, \
                           app_key) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8 \
                           WHERE NOT EXISTS (SELECT 1 FROM androidpn_account WHERE name = ?1) ON CONFLICT DO NOTHING";
        let values: [Value<'_>; 8] = [
            account.name.into(),
            account.salt.into(),
            account.iterations.into(),
            account.stored_key.into(),
            account.server_key.into(),
            account.created_at.into(),
            i64::from(account.is_disabled).into(),
            account.app_key.into(),
        ];
        self.change_one(SQL, values)
    }

    /// Makes an account that its app key admits, and counts it there.
    pub(super) fn admit(&mut self, account: Account) -> Result<Written> {
        const COUNT: &str = "UPDATE app_key SET registrations = registrations + 1, last_used_at = ?1 \
                             WHERE id = ?2 AND revoked_at IS NULL AND NOT EXISTS (SELECT 1 FROM account WHERE name = ?3) \
                             AND NOT EXISTS (SELECT 1 FROM androidpn_account WHERE name = ?3)";
        const FIND: &str = "SELECT 1 FROM account WHERE name = ?1 \
                            UNION ALL SELECT 1 FROM androidpn_account WHERE name = ?1";
        let (at, key, name) = (account.created_at, account.app_key.clone(), account.name.clone());
        let counted = self.change_one(COUNT, [at.into(), key.into(), name.clone().into()])?;
        if matches!(counted, Written::Done) {
            return self.add_account(account);
        }
        let is_taken = first(self.conn, FIND, [name.into()], |_| Ok(()))?.is_some();
        Ok(if is_taken { Written::Unchanged } else { Written::Refused(Refusal::UnknownAppKey) })
    }

    pub(super) fn change_account(&mut self, name: &str, change: AccountChange) -> Result<Written> {
        const PASSWORD: &str =
            "UPDATE account SET salt = ?, iterations = ?, stored_key = ?, server_key = ? WHERE name = ?";
        const DISABLED: &str = "UPDATE account SET is_disabled = ? WHERE name = ?";
        match change {
            AccountChange::Password { salt, iterations, stored_key, server_key } => {
                let values: [Value<'_>; 5] =
                    [salt.into(), iterations.into(), stored_key.into(), server_key.into(), name.into()];
                self.change_one(PASSWORD, values)
            }
            AccountChange::Disabled(is_disabled) => {
                let values: [Value<'_>; 2] = [i64::from(is_disabled).into(), name.into()];
                self.change_one(DISABLED, values)
            }
        }
    }

    pub(super) fn remove_account(&mut self, name: &str) -> Result<Written> {
        self.change_one("DELETE FROM account WHERE name = ?", [name.into()])
    }

    pub(super) fn change_androidpn(&mut self, name: &str, change: AndroidpnChange) -> Result<Written> {
        const PASSWORD: &str = "UPDATE androidpn_account SET sealed_password = ? WHERE name = ?";
        const DISABLED: &str = "UPDATE androidpn_account SET is_disabled = ? WHERE name = ?";
        let (sql, value): (_, Value<'_>) = match change {
            AndroidpnChange::Password(sealed) => (PASSWORD, sealed.into()),
            AndroidpnChange::Disabled(is_disabled) => (DISABLED, i64::from(is_disabled).into()),
        };
        self.change_one(sql, [value, name.into()])
    }

    pub(super) fn remove_androidpn(&mut self, name: &str) -> Result<Written> {
        self.change_one("DELETE FROM androidpn_account WHERE name = ?", [name.into()])
    }

    pub(super) fn fast_tokens(&mut self, device: DeviceId, tokens: Option<FastTokens>) -> Result<Written> {
        const REMOVE: &str = "DELETE FROM fast_tokens WHERE device = ?";
        const REPLACE: &str = "INSERT OR REPLACE INTO fast_tokens (device, mechanism, current_issue, current_expires, \
                               newest_issue, newest_expires) VALUES (?, ?, ?, ?, ?, ?)";
        if self.app_of(device)?.is_none() {
            return Ok(Written::Refused(Refusal::UnknownDevice));
        }
        let Some(tokens) = tokens else {
            execute(self.conn, REMOVE, [device.into()])?;
            return Ok(Written::Done);
        };
        let [current_issue, current_expires] = token(tokens.current);
        let [newest_issue, newest_expires] = token(tokens.newest);
        let values =
            [device.into(), tokens.mechanism.into(), current_issue, current_expires, newest_issue, newest_expires];
        self.change_one(REPLACE, values)
    }

    pub(super) fn add_key(&mut self, key: ApiKey) -> Result<Written> {
        const SQL: &str = "INSERT INTO api_key (id, app, secret_hash, scopes, label, created_at, expires_at, revoked_at) \
                           VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        self.end(key.app)?;
        let scopes = key.scopes.iter().map(|scope: &Scope| scope.as_str()).collect::<Vec<_>>().join(" ");
        let values: [Value<'_>; 8] = [
            key.id.into(),
            key.app.0.into(),
            key.secret_hash.into(),
            scopes.into(),
            key.label.into(),
            key.created_at.into(),
            key.expires_at.into(),
            key.revoked_at.into(),
        ];
        self.change_one(SQL, values)
    }

    pub(super) fn revoke_key(&mut self, app: AppId, id: &str, at: Timestamp) -> Result<Written> {
        const SQL: &str = "UPDATE api_key SET revoked_at = ? WHERE app = ? AND id = ? AND revoked_at IS NULL";
        self.change_one(SQL, [at.into(), app.0.into(), id.into()])
    }

    pub(super) fn add_app_key(&mut self, key: AppKey) -> Result<Written> {
        const SQL: &str = "INSERT INTO app_key (id, app, secret_hash, label, created_at, revoked_at, registrations, \
                           last_used_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        self.end(key.app)?;
        let values: [Value<'_>; 8] = [
            key.id.into(),
            key.app.0.into(),
            key.secret_hash.into(),
            key.label.into(),
            key.created_at.into(),
            key.revoked_at.into(),
            key.registrations.into(),
            key.last_used_at.into(),
        ];
        self.change_one(SQL, values)
    }

    pub(super) fn revoke_app_key(&mut self, app: AppId, id: &str, at: Timestamp) -> Result<Written> {
        const SQL: &str = "UPDATE app_key SET revoked_at = ? WHERE app = ? AND id = ? AND revoked_at IS NULL";
        self.change_one(SQL, [at.into(), app.0.into(), id.into()])
    }

    pub(super) fn add_user_key(&mut self, key: UserKey) -> Result<Written> {
        const SQL: &str = "INSERT INTO user_key (id, app, algorithm, public_key, label, created_at, revoked_at) \
                           VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
        self.end(key.app)?;
        let values: [Value<'_>; 7] = [
            key.id.into(),
            key.app.0.into(),
            key.algorithm.as_str().into(),
            key.public_key.into(),
            key.label.into(),
            key.created_at.into(),
            key.revoked_at.into(),
        ];
        self.change_one(SQL, values)
    }

    pub(super) fn revoke_user_key(&mut self, app: AppId, id: &str, at: Timestamp) -> Result<Written> {
        const SQL: &str = "UPDATE user_key SET revoked_at = ? WHERE app = ? AND id = ? AND revoked_at IS NULL";
        self.change_one(SQL, [at.into(), app.0.into(), id.into()])
    }

    /// Runs a statement; tells whether it changed a row.
    fn change_one<'a>(&self, sql: &'static str, values: impl IntoIterator<Item = Value<'a>>) -> Result<Written> {
        Ok(if execute(self.conn, sql, values)? > 0 { Written::Done } else { Written::Unchanged })
    }
}

/// The number and the expiry of a token.
fn token(token: Option<FastToken>) -> [Value<'static>; 2] {
    [token.map(|token| token.issue).into(), token.map(|token| token.expires_at).into()]
}
