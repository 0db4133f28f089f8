//! What ended leaves the database, in one transaction of the writer.

use std::collections::HashMap;

use longwire_model::{AppId, AudienceKey, Seq, Timestamp};
use longwire_store::write::IDEMPOTENCY_MILLIS;
use sqlx::sqlite::SqliteConnection;

use crate::row::audience;
use crate::sql::{Value, column, json_seqs, seq, seq_option, statement};

/// Expired notifications that supersede nothing unexpired (DESIGN rule 4).
const NOTIFICATIONS: &str = "SELECT e.seq FROM entry e WHERE e.app = ?1 AND e.expires_at < ?2 AND e.kind = 'notification' \
     AND NOT (e.collapse_key IS NOT NULL AND EXISTS (SELECT 1 FROM entry o WHERE o.app = ?1 \
     AND o.collapse_key = e.collapse_key AND o.audience_hash = e.audience_hash AND o.lane = e.lane AND o.seq < e.seq \
     AND o.audience = e.audience AND o.kind = 'notification' AND o.expires_at >= ?2)) LIMIT ?3";
/// Expired updates, recalls and dismissals whose target is gone.
const FOLLOWERS: &str = "SELECT f.seq FROM entry f WHERE f.app = ?1 AND f.target_seq IS NOT NULL AND f.expires_at < ?2 \
     AND NOT EXISTS (SELECT 1 FROM entry t WHERE t.app = ?1 AND t.seq = f.target_seq) LIMIT ?3";
/// Membership and generation entries below everything that is retained: the records beside the log hold what they say.
const MARKS: &str = "SELECT seq FROM entry WHERE app = ?1 AND lane IS NULL AND created_at < ?2 AND seq < ?4 LIMIT ?3";

/// Removes what ended before `before`; see [`longwire_store::Store::sweep`].
pub(crate) async fn sweep(
    conn: &mut SqliteConnection,
    app: AppId,
    before: Timestamp,
    limit: u32,
) -> Result<u64, sqlx::Error> {
    let limit = u64::from(limit);
    let mut swept = 0;
    for choose in [NOTIFICATIONS, FOLLOWERS, MARKS] {
        let lowest = lowest_retained(conn, app).await?.unwrap_or(Seq::MAX / 2);
        let values: [Value; 4] = [app.0.into(), before.into(), (limit - swept).into(), lowest.into()];
        let rows = statement(choose, values).fetch_all(&mut *conn).await?;
        let seqs = rows.iter().map(|row| seq(row, "seq")).collect::<Result<Vec<_>, _>>()?;
        swept += seqs.len() as u64;
        remove(conn, app, seqs).await?;
    }
    free(conn, app, before).await?;
    Ok(swept)
}

/// Removes entries with their keys and events.
async fn remove(conn: &mut SqliteConnection, app: AppId, seqs: Vec<Seq>) -> Result<(), sqlx::Error> {
    const EVENTS: &str = "DELETE FROM event WHERE entry IN (SELECT e.id FROM json_each(?2) j CROSS JOIN entry e \
                          ON e.app = ?1 AND e.seq = j.value)";
    const ACTIONS: &str = "DELETE FROM used_action WHERE entry IN (SELECT e.id FROM json_each(?2) j CROSS JOIN entry e \
                           ON e.app = ?1 AND e.seq = j.value)";
    const ENTRIES: &str = "DELETE FROM entry WHERE app = ?1 AND seq IN (SELECT value FROM json_each(?2))";
    if seqs.is_empty() {
        return Ok(());
    }
    let list = json_seqs(seqs);
    remove_keys(conn, app, list.clone()).await?;
    for sql in [EVENTS, ACTIONS, ENTRIES] {
        statement(sql, [app.0.into(), list.clone()]).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Removes the index rows of entries, with one statement per key: the index is ordered by key.
async fn remove_keys(conn: &mut SqliteConnection, app: AppId, list: Value) -> Result<(), sqlx::Error> {
    const FIND: &str = "SELECT e.seq, e.audience FROM json_each(?2) j CROSS JOIN entry e \
                        ON e.app = ?1 AND e.seq = j.value WHERE e.audience IS NOT NULL";
    const REMOVE: &str = "DELETE FROM entry_key WHERE app = ?1 AND key = ?2 AND lane IN (0, 1) \
                          AND seq IN (SELECT value FROM json_each(?3))";
    let mut keys: HashMap<AudienceKey, Vec<Seq>> = HashMap::new();
    for row in statement(FIND, [app.0.into(), list]).fetch_all(&mut *conn).await? {
        for key in audience(column(&row, "audience")?)? {
            keys.entry(key).or_default().push(seq(&row, "seq")?);
        }
    }
    for (key, seqs) in keys {
        statement(REMOVE, [app.0.into(), key.as_str().into(), json_seqs(seqs)]).execute(&mut *conn).await?;
    }
    Ok(())
}

/// Raises the floor and frees what lies below it.
async fn free(conn: &mut SqliteConnection, app: AppId, before: Timestamp) -> Result<(), sqlx::Error> {
    const FLOOR: &str = "UPDATE app SET floor = max(floor, coalesce(?2, last_seq)) WHERE id = ?1";
    const BELOW: [&str; 2] = [
        "DELETE FROM membership WHERE app = ?1 AND left_seq <= (SELECT floor FROM app WHERE id = ?1)",
        "DELETE FROM acknowledgement WHERE app = ?1 AND to_seq <= (SELECT floor FROM app WHERE id = ?1)",
    ];
    const SESSIONS: &str = "DELETE FROM session WHERE ended_at < min(?2, coalesce((SELECT e.created_at FROM entry e WHERE e.app = ?1 \
         AND e.seq > (SELECT floor FROM app WHERE id = ?1) ORDER BY e.seq LIMIT 1), ?2)) \
         AND EXISTS (SELECT 1 FROM device d WHERE d.id = session.device AND d.app = ?1) \
         AND EXISTS (SELECT 1 FROM session n WHERE n.device = session.device AND n.began_at > session.began_at)";
    const REQUESTS: &str = "DELETE FROM idempotency WHERE app = ?1 AND at <= ?2";
    const HEADS: &str = "DELETE FROM key_head INDEXED BY key_head_empty WHERE app = ?1 AND members = 0 \
                         AND NOT EXISTS (SELECT 1 FROM entry_key k WHERE k.app = ?1 AND k.key = key_head.key)";
    let lowest = lowest_retained(conn, app).await?;
    let floor: Value = lowest.map(|lowest| lowest.saturating_sub(1)).into();
    statement(FLOOR, [app.0.into(), floor]).execute(&mut *conn).await?;
    for sql in BELOW {
        statement(sql, [app.0.into()]).execute(&mut *conn).await?;
    }
    statement(SESSIONS, [app.0.into(), before.into()]).execute(&mut *conn).await?;
    let oldest = before.plus_millis(-IDEMPOTENCY_MILLIS);
    statement(REQUESTS, [app.0.into(), oldest.into()]).execute(&mut *conn).await?;
    statement(HEADS, [app.0.into()]).execute(&mut *conn).await?;
    Ok(())
}

/// The lowest position that a retained entry lies at or is about.
async fn lowest_retained(conn: &mut SqliteConnection, app: AppId) -> Result<Option<Seq>, sqlx::Error> {
    const SQL: &str = "SELECT (SELECT seq FROM entry WHERE app = ?1 AND lane IS NOT NULL ORDER BY seq LIMIT 1) AS own, \
         (SELECT min(target_seq) FROM entry WHERE app = ?1 AND target_seq IS NOT NULL) AS target";
    let row = statement(SQL, [app.0.into()]).fetch_one(conn).await?;
    let (own, target) = (seq_option(&row, "own")?, seq_option(&row, "target")?);
    Ok(own.map(|own| target.map_or(own, |target| own.min(target))))
}
