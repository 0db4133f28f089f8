//! A device's record: installation, account, token, cursor.

use longwire_client::account::{Account, FastToken, Installation, Record};
use longwire_client::backoff::Conflicts;
use longwire_client::clock::Anchor;
use longwire_protocol::push::Cursor;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, SqliteConnection};

use super::row::{from_db, to_db, unreadable};

pub(super) async fn load(connection: &mut SqliteConnection, device: u32) -> Result<Record, sqlx::Error> {
    let row = sqlx::query("SELECT * FROM device WHERE device = ?").bind(device).fetch_optional(connection).await?;
    row.as_ref().map_or_else(|| Ok(Record::default()), read)
}

pub(super) async fn save(connection: &mut SqliteConnection, device: u32, record: &Record) -> Result<(), sqlx::Error> {
    let (installation, account, token) = (&record.installation, &record.account, &record.token);
    let (cursor, anchor) = (&record.cursor, &record.anchor);
    let values = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let query = sqlx::query(sqlx::AssertSqlSafe(format!("INSERT OR REPLACE INTO device VALUES {values}")))
        .bind(device)
        .bind(installation.as_ref().map(|installation| installation.user_agent.as_str()))
        .bind(installation.as_ref().map(|installation| installation.secret.as_slice()))
        .bind(account.as_ref().map(|account| account.name.as_str()))
        .bind(account.as_ref().map(|account| account.password.as_str()))
        .bind(account.as_ref().is_some_and(|account| account.is_registered))
        .bind(token.as_ref().map(|token| token.token.as_str()))
        .bind(token.as_ref().map(|token| token.mechanism.as_str()))
        .bind(token.as_ref().map(|token| to_db(token.expires_ms)))
        .bind(cursor.as_ref().map(|cursor| cursor.generation.to_string()))
        .bind(cursor.as_ref().map(|cursor| to_db(cursor.normal)))
        .bind(cursor.as_ref().map(|cursor| to_db(cursor.background)))
        .bind(record.device.as_deref())
        .bind(record.user.as_deref())
        .bind(anchor.as_ref().map(|anchor| to_db(anchor.server_ms)))
        .bind(anchor.as_ref().map(|anchor| to_db(anchor.boot_ms)))
        .bind(anchor.as_ref().map(|anchor| anchor.boot_id.as_str()))
        .bind(to_db(record.known_ms))
        .bind(record.conflicts.last_ms.map(to_db))
        .bind(record.conflicts.in_a_row)
        .bind(record.conflicts.since_installation)
        .bind(record.refusals);
    query.execute(connection).await.map(drop)
}

fn read(row: &SqliteRow) -> Result<Record, sqlx::Error> {
    Ok(Record {
        installation: read_installation(row)?,
        account: read_account(row)?,
        token: read_token(row)?,
        cursor: read_cursor(row)?,
        device: row.try_get("server_device")?,
        user: row.try_get("user")?,
        anchor: read_anchor(row)?,
        known_ms: from_db(row.try_get("known")?),
        conflicts: Conflicts {
            last_ms: row.try_get::<Option<i64>, _>("conflict_last")?.map(from_db),
            in_a_row: row.try_get("conflicts_in_a_row")?,
            since_installation: row.try_get("conflicts_of_installation")?,
        },
        refusals: row.try_get("refusals")?,
    })
}

fn read_installation(row: &SqliteRow) -> Result<Option<Installation>, sqlx::Error> {
    let user_agent: Option<String> = row.try_get("user_agent")?;
    let secret: Option<Vec<u8>> = row.try_get("secret")?;
    let (Some(user_agent), Some(secret)) = (user_agent, secret) else { return Ok(None) };
    let secret = secret.try_into().map_err(|_| unreadable("secret"))?;
    Ok(Some(Installation { user_agent, secret }))
}

fn read_account(row: &SqliteRow) -> Result<Option<Account>, sqlx::Error> {
    let name: Option<String> = row.try_get("account")?;
    let password: Option<String> = row.try_get("password")?;
    let (Some(name), Some(password)) = (name, password) else { return Ok(None) };
    Ok(Some(Account { name, password, is_registered: row.try_get("is_registered")? }))
}

fn read_token(row: &SqliteRow) -> Result<Option<FastToken>, sqlx::Error> {
    let token: Option<String> = row.try_get("token")?;
    let mechanism: Option<String> = row.try_get("token_mechanism")?;
    let expires: Option<i64> = row.try_get("token_expires")?;
    let (Some(token), Some(mechanism), Some(expires)) = (token, mechanism, expires) else { return Ok(None) };
    Ok(Some(FastToken { token, mechanism, expires_ms: from_db(expires) }))
}

fn read_cursor(row: &SqliteRow) -> Result<Option<Cursor>, sqlx::Error> {
    let generation: Option<String> = row.try_get("generation")?;
    let Some(generation) = generation else { return Ok(None) };
    Ok(Some(Cursor {
        generation: generation.parse().map_err(|_| unreadable("generation"))?,
        normal: from_db(row.try_get("normal")?),
        background: from_db(row.try_get("background")?),
    }))
}

fn read_anchor(row: &SqliteRow) -> Result<Option<Anchor>, sqlx::Error> {
    let boot_id: Option<String> = row.try_get("anchor_boot_id")?;
    let Some(boot_id) = boot_id else { return Ok(None) };
    let (server_ms, boot_ms) = (row.try_get("anchor_server")?, row.try_get("anchor_boot")?);
    Ok(Some(Anchor { server_ms: from_db(server_ms), boot_ms: from_db(boot_ms), boot_id }))
}
