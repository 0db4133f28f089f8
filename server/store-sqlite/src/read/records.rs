//! Accounts, FAST tokens, API keys, app keys and user keys.

use longwire_model::account::{FastToken, FastTokens};
use longwire_model::{Account, AndroidpnAccount, ApiKey, AppId, AppKey, DeviceId, Timestamp, UserKey};
use longwire_store::write::{IDEMPOTENCY_MILLIS, Idempotency};
use sqlx::sqlite::{SqliteConnection, SqliteRow};

use crate::row::claimed;
use crate::sql::{bytes, column, damaged, json_texts, seq, seq_option, statement, timestamp, timestamp_option};

/// An account by its name.
pub(crate) async fn account(conn: &mut SqliteConnection, name: &str) -> Result<Option<Account>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM account WHERE name = ?";
    statement(SQL, [name.into()]).fetch_optional(conn).await?.as_ref().map(read_account).transpose()
}

/// A page of accounts.
pub(crate) async fn accounts(
    conn: &mut SqliteConnection,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<Account>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM account WHERE name > ? ORDER BY name LIMIT ?";
    let rows = statement(SQL, [after.unwrap_or_default().into(), limit.into()]).fetch_all(conn).await?;
    rows.iter().map(read_account).collect()
}

/// The accounts among these names.
pub(crate) async fn accounts_named(conn: &mut SqliteConnection, names: &[String]) -> Result<Vec<Account>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM account WHERE name IN (SELECT value FROM json_each(?))";
    let names = json_texts(names.iter().map(String::as_str));
    statement(SQL, [names]).fetch_all(conn).await?.iter().map(read_account).collect()
}

fn read_account(row: &SqliteRow) -> Result<Account, sqlx::Error> {
    Ok(Account {
        name: column(row, "name")?,
        salt: column(row, "salt")?,
        iterations: column(row, "iterations")?,
        stored_key: bytes(row, "stored_key")?,
        server_key: bytes(row, "server_key")?,
        created_at: timestamp(row, "created_at")?,
        is_disabled: column(row, "is_disabled")?,
        app_key: column(row, "app_key")?,
    })
}

/// The account of an original androidpn client by its name.
pub(crate) async fn androidpn_account(
    conn: &mut SqliteConnection,
    name: &str,
) -> Result<Option<AndroidpnAccount>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM androidpn_account WHERE name = ?";
    statement(SQL, [name.into()]).fetch_optional(conn).await?.as_ref().map(read_androidpn).transpose()
}

/// A page of the accounts of original androidpn clients.
pub(crate) async fn androidpn_accounts(
    conn: &mut SqliteConnection,
    after: Option<&str>,
    limit: u32,
) -> Result<Vec<AndroidpnAccount>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM androidpn_account WHERE name > ? ORDER BY name LIMIT ?";
    let rows = statement(SQL, [after.unwrap_or_default().into(), limit.into()]).fetch_all(conn).await?;
    rows.iter().map(read_androidpn).collect()
}

/// The accounts of original androidpn clients among these names.
pub(crate) async fn androidpn_accounts_named(
    conn: &mut SqliteConnection,
    names: &[String],
) -> Result<Vec<AndroidpnAccount>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM androidpn_account WHERE name IN (SELECT value FROM json_each(?))";
    let names = json_texts(names.iter().map(String::as_str));
    statement(SQL, [names]).fetch_all(conn).await?.iter().map(read_androidpn).collect()
}

fn read_androidpn(row: &SqliteRow) -> Result<AndroidpnAccount, sqlx::Error> {
    Ok(AndroidpnAccount {
        name: column(row, "name")?,
        sealed_password: column(row, "sealed_password")?,
        email: column(row, "email")?,
        full_name: column(row, "full_name")?,
        created_at: timestamp(row, "created_at")?,
        claimed: claimed(row)?,
        is_disabled: column(row, "is_disabled")?,
    })
}

/// The request that used an idempotency key, while it counts.
pub(crate) async fn request(
    conn: &mut SqliteConnection,
    app: AppId,
    key: &str,
    at: Timestamp,
) -> Result<Option<Idempotency>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM idempotency WHERE app = ? AND key = ? AND at > ?";
    let since = at.plus_millis(-IDEMPOTENCY_MILLIS);
    let row = statement(SQL, [app.0.into(), key.into(), since.into()]).fetch_optional(conn).await?;
    row.map(|row| {
        Ok(Idempotency {
            key: column(&row, "key")?,
            body_hash: bytes(&row, "body_hash")?,
            status: column(&row, "status")?,
            answer: column(&row, "answer")?,
        })
    })
    .transpose()
}

/// An API key by its public part.
pub(crate) async fn api_key(conn: &mut SqliteConnection, id: &str) -> Result<Option<ApiKey>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM api_key WHERE id = ?";
    statement(SQL, [id.into()]).fetch_optional(conn).await?.as_ref().map(read_key).transpose()
}

/// The API keys of an app, oldest first.
pub(crate) async fn api_keys(conn: &mut SqliteConnection, app: AppId) -> Result<Vec<ApiKey>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM api_key WHERE app = ? ORDER BY created_at, id";
    statement(SQL, [app.0.into()]).fetch_all(conn).await?.iter().map(read_key).collect()
}

fn read_key(row: &SqliteRow) -> Result<ApiKey, sqlx::Error> {
    let scopes = column::<&str>(row, "scopes")?.split_whitespace();
    Ok(ApiKey {
        id: column(row, "id")?,
        app: AppId(column(row, "app")?),
        secret_hash: bytes(row, "secret_hash")?,
        scopes: scopes.map(|word| word.parse().map_err(|_| damaged("scopes"))).collect::<Result<_, _>>()?,
        label: column(row, "label")?,
        created_at: timestamp(row, "created_at")?,
        expires_at: timestamp_option(row, "expires_at")?,
        revoked_at: timestamp_option(row, "revoked_at")?,
    })
}

/// An app key by its public part.
pub(crate) async fn app_key(conn: &mut SqliteConnection, id: &str) -> Result<Option<AppKey>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM app_key WHERE id = ?";
    statement(SQL, [id.into()]).fetch_optional(conn).await?.as_ref().map(read_app_key).transpose()
}

/// The app keys of an app, oldest first.
pub(crate) async fn app_keys(conn: &mut SqliteConnection, app: AppId) -> Result<Vec<AppKey>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM app_key WHERE app = ? ORDER BY created_at, id";
    statement(SQL, [app.0.into()]).fetch_all(conn).await?.iter().map(read_app_key).collect()
}

fn read_app_key(row: &SqliteRow) -> Result<AppKey, sqlx::Error> {
    Ok(AppKey {
        id: column(row, "id")?,
        app: AppId(column(row, "app")?),
        secret_hash: bytes(row, "secret_hash")?,
        label: column(row, "label")?,
        created_at: timestamp(row, "created_at")?,
        revoked_at: timestamp_option(row, "revoked_at")?,
        registrations: seq(row, "registrations")?,
        last_used_at: timestamp_option(row, "last_used_at")?,
    })
}

/// A user key by its id.
pub(crate) async fn user_key(conn: &mut SqliteConnection, id: &str) -> Result<Option<UserKey>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM user_key WHERE id = ?";
    statement(SQL, [id.into()]).fetch_optional(conn).await?.as_ref().map(read_user_key).transpose()
}

/// The user keys of an app, oldest first.
pub(crate) async fn user_keys(conn: &mut SqliteConnection, app: AppId) -> Result<Vec<UserKey>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM user_key WHERE app = ? ORDER BY created_at, id";
    statement(SQL, [app.0.into()]).fetch_all(conn).await?.iter().map(read_user_key).collect()
}

fn read_user_key(row: &SqliteRow) -> Result<UserKey, sqlx::Error> {
    Ok(UserKey {
        id: column(row, "id")?,
        app: AppId(column(row, "app")?),
        algorithm: column::<&str>(row, "algorithm")?.parse().map_err(|()| damaged("algorithm"))?,
        public_key: column(row, "public_key")?,
        label: column(row, "label")?,
        created_at: timestamp(row, "created_at")?,
        revoked_at: timestamp_option(row, "revoked_at")?,
    })
}

/// The FAST tokens of a device.
pub(crate) async fn fast_tokens(
    conn: &mut SqliteConnection,
    device: DeviceId,
) -> Result<Option<FastTokens>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM fast_tokens WHERE device = ?";
    let Some(row) = statement(SQL, [device.into()]).fetch_optional(conn).await? else {
        return Ok(None);
    };
    let current = seq_option(&row, "current_issue")?.zip(timestamp_option(&row, "current_expires")?);
    let newest = seq_option(&row, "newest_issue")?.zip(timestamp_option(&row, "newest_expires")?);
    let token = |(issue, expires_at)| FastToken { issue, expires_at };
    Ok(Some(FastTokens {
        mechanism: column(&row, "mechanism")?,
        current: current.map(token),
        newest: newest.map(token),
    }))
}
