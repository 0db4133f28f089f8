//! What the inbox shows: the content of notifications, which a row gives up when it is done.

use longwire_client::Lane;
use longwire_client::inbox::{Change, EntryKind, Notification, Outcome, Row, RowState};
use longwire_client_store::{Columns, DatabaseError, Value};

use super::DEVICE;
use super::database::PlatformDatabase;
use crate::InboxItem;
use crate::notification::{Content, sent_at_ms};

const CONTENTS: &str = "CREATE TABLE IF NOT EXISTS contents (id TEXT PRIMARY KEY, payload TEXT NOT NULL)";
/// The most items of one answer.
const ITEMS_MAX: u32 = 200;

/// A query of items: what is handed or to be handed, here for whoever uses the phone now.
macro_rules! items {
    ($which:literal) => {
        concat!(
            "SELECT inbox.id, seq, is_background, state, inbox.user, received, expires, contents.payload
             FROM inbox JOIN contents ON contents.id = inbox.id LEFT JOIN device ON device.device = inbox.device
             WHERE inbox.device = ? AND state < 4 AND (inbox.user IS NULL OR inbox.user = device.user) AND ",
            $which
        )
    };
}

pub(super) fn make(database: &PlatformDatabase) -> Result<(), DatabaseError> {
    database.run(CONTENTS, Vec::new()).map(drop)
}

/// Keeps the content that a change brought, in the change's transaction, and forgets what nobody may read any more.
pub(super) fn keep(database: &PlatformDatabase, change: &Change, outcome: &Outcome) -> Result<(), DatabaseError> {
    match outcome {
        Outcome::Fresh(row) | Outcome::Once(row) | Outcome::Updated(row) | Outcome::Hand(row) => save(database, row)?,
        Outcome::Quiet
        | Outcome::Bound { .. }
        | Outcome::Finished(_)
        | Outcome::Closed(_)
        | Outcome::Removed { .. }
        | Outcome::Left(_)
        | Outcome::Report(_) => {}
    }
    match change {
        Change::Keep(entry) if entry.kind == EntryKind::Recall => {
            database.run("DELETE FROM contents WHERE id = ?", vec![Value::Text(entry.target.clone())]).map(drop)
        }
        // What expired, was refused or left keeps no content either.
        Change::Prune { .. } | Change::User(_) => {
            let sql = "DELETE FROM contents WHERE id NOT IN (SELECT id FROM inbox WHERE device = ? AND state < 4)";
            database.run(sql, vec![device()]).map(drop)
        }
        Change::Keep(_)
        | Change::Installation(_)
        | Change::Account(_)
        | Change::Registered
        | Change::ForgetToken
        | Change::Conflicts(_)
        | Change::Refusals(_)
        | Change::Bound { .. }
        | Change::Cursor { .. }
        | Change::Row(..)
        | Change::Report(_)
        | Change::Reported(_)
        | Change::Network(_) => Ok(()),
    }
}

fn save(database: &PlatformDatabase, row: &Row) -> Result<(), DatabaseError> {
    let values = vec![Value::Text(row.id.clone()), Value::Text(row.payload.clone())];
    database.run("INSERT OR REPLACE INTO contents (id, payload) VALUES (?, ?)", values).map(drop)
}

/// Items, the newest first; none when there is no notification `before`.
pub(super) fn list(
    database: &PlatformDatabase,
    limit: u32,
    before: Option<&str>,
) -> Result<Option<Vec<InboxItem>>, DatabaseError> {
    let mut below = i64::MAX;
    if let Some(id) = before {
        let values = vec![device(), Value::Text(id.to_owned())];
        let rows = database.rows("SELECT arrival FROM inbox WHERE device = ? AND id = ?", values)?;
        let Some(mut row) = rows.into_iter().next() else { return Ok(None) };
        below = row.number("arrival")?;
    }
    let sql = items!("arrival < ? ORDER BY arrival DESC LIMIT ?");
    let limit = Value::Integer(limit.min(ITEMS_MAX).into());
    let rows = database.rows(sql, vec![device(), Value::Integer(below), limit])?;
    let items = rows.into_iter().map(read).collect::<Result<Vec<_>, _>>()?;
    Ok(Some(items.into_iter().flatten().collect()))
}

/// One item.
pub(super) fn item(database: &PlatformDatabase, id: &str) -> Result<Option<InboxItem>, DatabaseError> {
    let rows = database.rows(items!("inbox.id = ?"), vec![device(), Value::Text(id.to_owned())])?;
    Ok(rows.into_iter().next().map(read).transpose()?.flatten())
}

/// An item; none when its content cannot be used, as its row will say when it is handed.
fn read(mut row: Columns) -> Result<Option<InboxItem>, DatabaseError> {
    let (id, seq) = (row.text("id")?, row.number("seq")?);
    let lane = if row.flag("is_background")? { Lane::Background } else { Lane::Normal };
    let state = RowState::from_number(row.number("state")?).ok_or(DatabaseError::Unreadable("state"))?;
    let (user, received_at_ms, expires_at_ms) =
        (row.optional_text("user")?, row.number("received")?, row.number("expires")?);
    let Ok(notification) = Notification::parse(&row.text("payload")?) else { return Ok(None) };
    let Content { title, body, url, image, group, sound, urgency, data, actions } = notification.into();
    Ok(Some(InboxItem {
        sent_at_ms: sent_at_ms(&id).unwrap_or(received_at_ms),
        id,
        seq,
        lane: lane.as_str().to_owned(),
        state: name(state).to_owned(),
        user,
        title,
        body,
        url,
        image,
        group,
        sound,
        urgency,
        data,
        actions,
        received_at_ms,
        expires_at_ms,
    }))
}

const fn name(state: RowState) -> &'static str {
    match state {
        RowState::Stored => "stored",
        RowState::Handed => "handed",
        RowState::Done => "done",
        RowState::Closed => "closed",
        RowState::Recalled => "recalled",
        RowState::Unusable => "unusable",
        RowState::Expired => "expired",
        RowState::Left => "left",
        RowState::Update => "update",
    }
}

fn device() -> Value {
    Value::Integer(DEVICE.into())
}
