//! The rows on their way into the tables, and where a start finds them again.

use std::collections::BTreeMap;

use longwire_model::{AppId, KeyHead, Lane, Seq};
use rusqlite::Connection;

use super::rows::{Addressed, Part, Row, head};
use crate::direct::{Result, all, damaged, execute, first, seq, seq_option};
use crate::open;
use crate::row::parse_keys;
use crate::sql::{Value, lane_number};

/// Of each app, the position from which on rows may be missing; none where there is no table that says so, and nothing is owed.
pub(super) type Firsts = Option<BTreeMap<AppId, Seq>>;

pub(super) fn read(conn: &Connection) -> Result<Firsts> {
    const TABLE: &str = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'owed'";
    const SQL: &str = "SELECT app, first FROM owed";
    if first(conn, TABLE, [], |_| Ok(()))?.is_none() {
        return Ok(None);
    }
    let rows = all(conn, SQL, [], |row| Ok((AppId(row.get("app")?), seq(row, "first")?)))?;
    Ok(Some(rows.into_iter().collect()))
}

/// The last position of an app's log.
pub(super) fn end(conn: &Connection, app: AppId) -> Result<Seq> {
    const SQL: &str = "SELECT last_seq FROM app WHERE id = ?";
    Ok(first(conn, SQL, [app.0.into()], |row| seq(row, "last_seq"))?.unwrap_or(0))
}

/// Gives every entry with an audience from `from` on.
pub(super) fn rows(conn: &Connection, app: AppId, from: Seq, mut give: impl FnMut(&Addressed<'_>)) -> Result<()> {
    const SQL: &str = "SELECT seq, kind, lane, audience, target_seq FROM entry \
                       WHERE app = ? AND seq >= ? AND audience IS NOT NULL ORDER BY seq";
    let read = |row: &rusqlite::Row<'_>| {
        let audience = parse_keys(row.get_ref("audience")?.as_str()?).ok_or_else(|| damaged("audience"))?;
        let (seq, target) = (seq(row, "seq")?, seq_option(row, "target_seq")?);
        let lane: i64 = row.get("lane")?;
        let lane = Lane::ALL.into_iter().find(|known| lane_number(*known) == lane).ok_or_else(|| damaged("lane"))?;
        let has_no_content = matches!(row.get_ref("kind")?.as_str()?, "recall" | "dismissal");
        let row = Row { lane, seq, audience_seq: target.unwrap_or(seq), has_no_content };
        give(&Addressed { app, audience: &audience, row });
        Ok(())
    };
    all(conn, SQL, [app.0.into(), from.into()], read).map(drop)
}

/// Writes rows; those that are there stay as they are.
pub(super) fn write_part(conn: &Connection, part: &Part) -> Result<()> {
    const ROW: &str =
        "INSERT INTO entry_key (app, key, lane, seq, audience_seq) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    for ((app, name), rows) in part {
        for row in rows {
            let values: [Value<'_>; 5] =
                [app.0.into(), name.as_str().into(), row.lane.into(), row.seq.into(), row.audience_seq.into()];
            execute(conn, ROW, values)?;
        }
        write_head(conn, *app, name.as_str(), (head(rows), 0))?;
    }
    Ok(())
}

/// Raises the newest positions of a key, and changes how many devices hold it.
pub(crate) fn write_head(conn: &Connection, app: AppId, key: &str, (head, members): (KeyHead, i64)) -> Result<()> {
    const SQL: &str = "INSERT INTO key_head (app, key, normal, background, recall_normal, recall_background, members) \
         VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (app, key) DO UPDATE SET normal = max(normal, excluded.normal), \
         background = max(background, excluded.background), recall_normal = max(recall_normal, excluded.recall_normal), \
         recall_background = max(recall_background, excluded.recall_background), members = members + excluded.members";
    let values: [Value<'_>; 7] = [
        app.0.into(),
        key.into(),
        head.newest.normal.into(),
        head.newest.background.into(),
        head.newest_recall.normal.into(),
        head.newest_recall.background.into(),
        members.into(),
    ];
    execute(conn, SQL, values).map(drop)
}

/// Writes from where on rows are owed, where that is not what is said; the table is there while anything is owed, and no longer.
pub(super) fn say(conn: &Connection, said: &mut Firsts, first: BTreeMap<AppId, Seq>) -> Result<()> {
    match (&said, first.is_empty()) {
        (None, true) => return Ok(()),
        (Some(_), true) => {
            open::take_back_owed(conn)?;
            *said = None;
            return Ok(());
        }
        (None, false) => open::note_owed(conn)?,
        (Some(_), false) => {}
    }
    change(conn, said.as_ref().unwrap_or(&BTreeMap::new()), &first)?;
    *said = Some(first);
    Ok(())
}

fn change(conn: &Connection, said: &BTreeMap<AppId, Seq>, first: &BTreeMap<AppId, Seq>) -> Result<()> {
    const OWED: &str =
        "INSERT INTO owed (app, first) VALUES (?, ?) ON CONFLICT (app) DO UPDATE SET first = excluded.first";
    const NONE: &str = "DELETE FROM owed WHERE app = ?";
    for (app, seq) in first.iter().filter(|(app, seq)| said.get(app) != Some(seq)) {
        execute(conn, OWED, [app.0.into(), (*seq).into()])?;
    }
    for app in said.keys().filter(|app| !first.contains_key(app)) {
        execute(conn, NONE, [app.0.into()])?;
    }
    Ok(())
}
