//! Rows of the inbox.

use longwire_client::Lane;
use longwire_client::inbox::{Owed, Row, RowState};

use crate::{Columns, Database, DatabaseError, Value, device as of, number, optional, text};

/// A query of rows: their columns in the order in which they are read, and which rows. What is due is said in the words of its index.
macro_rules! rows {
    ($which:literal) => {
        concat!(
            "SELECT id, seq, is_background, state, owed, revision, target, payload, user, expires, received, attempt, deaths, story
             FROM inbox WHERE device = ? AND ",
            $which
        )
    };
}

/// The rows that a process has something to do for, in the order in which they were received.
pub(crate) async fn due<D: Database>(database: &mut D, device: u32) -> Result<Vec<Row>, DatabaseError> {
    let sql = rows!("(state < 2 OR owed > 0) ORDER BY arrival");
    database.query(sql, vec![of(device)]).await?.into_iter().map(read).collect()
}

/// Those of them that came through the key of a user.
pub(crate) async fn of_users<D: Database>(database: &mut D, device: u32) -> Result<Vec<Row>, DatabaseError> {
    let sql = rows!("(state < 2 OR owed > 0) AND user IS NOT NULL ORDER BY arrival");
    database.query(sql, vec![of(device)]).await?.into_iter().map(read).collect()
}

/// The row of a notification, if the device has one.
///
/// # Errors
/// When the database cannot be read.
pub async fn find<D: Database>(database: &mut D, device: u32, id: &str) -> Result<Option<Row>, DatabaseError> {
    let rows = database.query(rows!("id = ?"), vec![of(device), text(id)]).await?;
    rows.into_iter().next().map(read).transpose()
}

/// Writes a row in place of the one with its id, which keeps its place in the order.
pub(crate) async fn save<D: Database>(database: &mut D, device: u32, row: &Row) -> Result<(), DatabaseError> {
    let sql = "UPDATE inbox SET state = ?, owed = ?, revision = ?, payload = ?, expires = ?, attempt = ?, deaths = ?, story = ?
               WHERE device = ? AND id = ?";
    let turned = vec![
        number(row.state.number().into()),
        number(row.owed.number().into()),
        number(row.revision),
        text(&row.payload),
        number(row.expires_ms),
        number(row.attempt.into()),
        number(row.deaths.into()),
        Value::Text(row.story.to_string()),
        of(device),
        text(&row.id),
    ];
    if database.execute(sql, turned.clone()).await? > 0 {
        return Ok(());
    }
    let sql = "INSERT INTO inbox (state, owed, revision, payload, expires, attempt, deaths, story, device, id, seq, is_background, target, user,
                   received) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let fixed = vec![
        number(row.seq),
        Value::Integer((row.lane == Lane::Background).into()),
        optional(row.target.as_deref().map(text)),
        optional(row.user.as_deref().map(text)),
        number(row.received_ms),
    ];
    database.execute(sql, [turned, fixed].concat()).await.map(drop)
}

fn read(mut row: Columns) -> Result<Row, DatabaseError> {
    let unreadable = DatabaseError::Unreadable;
    Ok(Row {
        id: row.text("id")?,
        seq: row.number("seq")?,
        lane: if row.flag("is_background")? { Lane::Background } else { Lane::Normal },
        state: RowState::from_number(row.number("state")?).ok_or(unreadable("state"))?,
        owed: Owed::from_number(row.number("owed")?).ok_or(unreadable("owed"))?,
        revision: row.number("revision")?,
        target: row.optional_text("target")?,
        payload: row.text("payload")?,
        user: row.optional_text("user")?,
        expires_ms: row.number("expires")?,
        received_ms: row.number("received")?,
        attempt: row.number("attempt")?,
        deaths: row.number("deaths")?,
        story: row.text("story")?.parse().map_err(|_| unreadable("story"))?,
    })
}
