//! A device's record: installation, account, token, cursor.

use longwire_client::account::{Account, FastToken, Installation, Record};
use longwire_client::backoff::Conflicts;
use longwire_client::clock::Anchor;
use longwire_protocol::push::Cursor;

use crate::{Columns, Database, DatabaseError, Value, device as of, number, optional, text};

pub(crate) async fn load<D: Database>(database: &mut D, device: u32) -> Result<Option<Record>, DatabaseError> {
    let sql = "SELECT user_agent, secret, account, password, is_registered, token, token_mechanism, token_expires, generation, normal,
               background, server_device, user, anchor_server, anchor_boot, anchor_boot_id, known, conflict_last, conflicts_in_a_row,
               conflicts_of_installation, refusals FROM device WHERE device = ?";
    let rows = database.query(sql, vec![of(device)]).await?;
    rows.into_iter().next().map(read).transpose()
}

pub(crate) async fn save<D: Database>(database: &mut D, device: u32, record: &Record) -> Result<(), DatabaseError> {
    let (installation, account, token) = (&record.installation, &record.account, &record.token);
    let (cursor, anchor) = (&record.cursor, &record.anchor);
    let values = vec![
        of(device),
        optional(installation.as_ref().map(|installation| text(&installation.user_agent))),
        optional(installation.as_ref().map(|installation| Value::Blob(installation.secret.to_vec()))),
        optional(account.as_ref().map(|account| text(&account.name))),
        optional(account.as_ref().map(|account| text(&account.password))),
        Value::Integer(account.as_ref().is_some_and(|account| account.is_registered).into()),
        optional(token.as_ref().map(|token| text(&token.token))),
        optional(token.as_ref().map(|token| text(&token.mechanism))),
        optional(token.as_ref().map(|token| number(token.expires_ms))),
        optional(cursor.as_ref().map(|cursor| Value::Text(cursor.generation.to_string()))),
        optional(cursor.as_ref().map(|cursor| number(cursor.normal))),
        optional(cursor.as_ref().map(|cursor| number(cursor.background))),
        optional(record.device.as_deref().map(text)),
        optional(record.user.as_deref().map(text)),
        optional(anchor.as_ref().map(|anchor| number(anchor.server_ms))),
        optional(anchor.as_ref().map(|anchor| number(anchor.boot_ms))),
        optional(anchor.as_ref().map(|anchor| text(&anchor.boot_id))),
        number(record.known_ms),
        optional(record.conflicts.last_ms.map(number)),
        number(record.conflicts.in_a_row.into()),
        number(record.conflicts.since_installation.into()),
        number(record.refusals.into()),
    ];
    let sql = "INSERT OR REPLACE INTO device (device, user_agent, secret, account, password, is_registered, token, token_mechanism,
               token_expires, generation, normal, background, server_device, user, anchor_server, anchor_boot, anchor_boot_id, known,
               conflict_last, conflicts_in_a_row, conflicts_of_installation, refusals)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    database.execute(sql, values).await.map(drop)
}

/// In the order of the columns.
fn read(mut row: Columns) -> Result<Record, DatabaseError> {
    Ok(Record {
        installation: read_installation(&mut row)?,
        account: read_account(&mut row)?,
        token: read_token(&mut row)?,
        cursor: read_cursor(&mut row)?,
        device: row.optional_text("server_device")?,
        user: row.optional_text("user")?,
        anchor: read_anchor(&mut row)?,
        known_ms: row.number("known")?,
        conflicts: Conflicts {
            last_ms: row.optional_number("conflict_last")?,
            in_a_row: row.number("conflicts_in_a_row")?,
            since_installation: row.number("conflicts_of_installation")?,
        },
        refusals: row.number("refusals")?,
    })
}

fn read_installation(row: &mut Columns) -> Result<Option<Installation>, DatabaseError> {
    let (user_agent, secret) = (row.optional_text("user_agent")?, row.optional_bytes("secret")?);
    let (Some(user_agent), Some(secret)) = (user_agent, secret) else { return Ok(None) };
    let secret = secret.try_into().map_err(|_| DatabaseError::Unreadable("secret"))?;
    Ok(Some(Installation { user_agent, secret }))
}

fn read_account(row: &mut Columns) -> Result<Option<Account>, DatabaseError> {
    let (name, password) = (row.optional_text("account")?, row.optional_text("password")?);
    let is_registered = row.flag("is_registered")?;
    Ok(name.zip(password).map(|(name, password)| Account { name, password, is_registered }))
}

fn read_token(row: &mut Columns) -> Result<Option<FastToken>, DatabaseError> {
    let (token, mechanism) = (row.optional_text("token")?, row.optional_text("token_mechanism")?);
    let expires_ms = row.optional_number("token_expires")?;
    let (Some(token), Some(mechanism), Some(expires_ms)) = (token, mechanism, expires_ms) else { return Ok(None) };
    Ok(Some(FastToken { token, mechanism, expires_ms }))
}

fn read_cursor(row: &mut Columns) -> Result<Option<Cursor>, DatabaseError> {
    let generation = row.optional_text("generation")?;
    let (normal, background) = (row.optional_number("normal")?, row.optional_number("background")?);
    let (Some(generation), Some(normal), Some(background)) = (generation, normal, background) else { return Ok(None) };
    let generation = generation.parse().map_err(|_| DatabaseError::Unreadable("generation"))?;
    Ok(Some(Cursor { generation, normal, background }))
}

fn read_anchor(row: &mut Columns) -> Result<Option<Anchor>, DatabaseError> {
    let (server_ms, boot_ms) = (row.optional_number("anchor_server")?, row.optional_number("anchor_boot")?);
    let boot_id = row.optional_text("anchor_boot_id")?;
    let (Some(server_ms), Some(boot_ms), Some(boot_id)) = (server_ms, boot_ms, boot_id) else { return Ok(None) };
    Ok(Some(Anchor { server_ms, boot_ms, boot_id }))
}
