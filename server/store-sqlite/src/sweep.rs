//! What ended leaves the database, in one transaction of the writer.

use std::collections::{HashMap, HashSet};

use longwire_model::{AppId, AudienceKey, Seq, Timestamp};
use longwire_store::write::IDEMPOTENCY_MILLIS;
use rusqlite::{Connection, Row};

use crate::direct::{self, all, damaged, execute, first, seq, seq_option};
use crate::owed::Owed;
use crate::row::parse_keys;
use crate::sql::{Value, json_seqs, json_texts};

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

/// What a sweep has removed.
#[derive(Debug, Default)]
pub(crate) struct Swept {
    pub(crate) seqs: HashSet<Seq>,
    /// Keys that nobody holds, whose heads are free.
    pub(crate) keys: Vec<AudienceKey>,
}

/// Removes what ended before `before`; see [`longwire_store::Store::sweep`].
pub(crate) fn sweep(
    conn: &Connection,
    owed: &Owed,
    app: AppId,
    (before, limit): (Timestamp, u32),
) -> direct::Result<Swept> {
    let limit = u64::from(limit);
    let mut swept = HashSet::new();
    for choose in [NOTIFICATIONS, FOLLOWERS, MARKS] {
        let mut values: Vec<Value<'_>> = vec![app.0.into(), before.into(), (limit - swept.len() as u64).into()];
        if choose == MARKS {
            values.push(lowest_retained(conn, app)?.unwrap_or(Seq::MAX / 2).into());
        }
        let seqs = all(conn, choose, values, |row| seq(row, "seq"))?;
        remove(conn, app, &seqs)?;
        swept.extend(seqs);
    }
    let held = owed.write_heads(conn, app, &swept)?;
    let keys = free(conn, app, before, &held)?;
    Ok(Swept { seqs: swept, keys })
}

/// Removes entries with their keys and events.
fn remove(conn: &Connection, app: AppId, seqs: &[Seq]) -> direct::Result<()> {
    const EVENTS: &str = "DELETE FROM event WHERE entry IN (SELECT e.id FROM json_each(?2) j CROSS JOIN entry e \
                          ON e.app = ?1 AND e.seq = j.value)";
    const ACTIONS: &str = "DELETE FROM used_action WHERE entry IN (SELECT e.id FROM json_each(?2) j CROSS JOIN entry e \
                           ON e.app = ?1 AND e.seq = j.value)";
    const ENTRIES: &str = "DELETE FROM entry WHERE app = ?1 AND seq IN (SELECT value FROM json_each(?2))";
    if seqs.is_empty() {
        return Ok(());
    }
    let list = json_seqs(seqs.iter().copied());
    remove_keys(conn, app, list.clone())?;
    for sql in [EVENTS, ACTIONS, ENTRIES] {
        execute(conn, sql, [app.0.into(), list.clone()])?;
    }
    Ok(())
}

/// Removes the index rows of entries, with one statement per key: the index is ordered by key.
fn remove_keys(conn: &Connection, app: AppId, list: Value<'_>) -> direct::Result<()> {
    const FIND: &str = "SELECT e.seq, e.audience FROM json_each(?2) j CROSS JOIN entry e \
                        ON e.app = ?1 AND e.seq = j.value WHERE e.audience IS NOT NULL";
    const REMOVE: &str = "DELETE FROM entry_key WHERE app = ?1 AND key = ?2 AND lane IN (0, 1) \
                          AND seq IN (SELECT value FROM json_each(?3))";
    let mut keys: HashMap<AudienceKey, Vec<Seq>> = HashMap::new();
    let read = |row: &Row<'_>| {
        let audience = parse_keys(row.get_ref("audience")?.as_str()?).ok_or_else(|| damaged("audience"))?;
        Ok((seq(row, "seq")?, audience))
    };
    for (seq, audience) in all(conn, FIND, [app.0.into(), list], read)? {
        audience.into_iter().for_each(|key| keys.entry(key).or_default().push(seq));
    }
    for (key, seqs) in keys {
        execute(conn, REMOVE, [app.0.into(), key.as_str().into(), json_seqs(seqs)])?;
    }
    Ok(())
}

/// Raises the floor and frees what lies below it; of heads, none of `held` keys. Gives the keys of those.
fn free(conn: &Connection, app: AppId, before: Timestamp, held: &[AudienceKey]) -> direct::Result<Vec<AudienceKey>> {
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
                         AND NOT EXISTS (SELECT 1 FROM entry_key k WHERE k.app = ?1 AND k.key = key_head.key) \
                         AND key NOT IN (SELECT value FROM json_each(?2)) RETURNING key";
    let lowest = lowest_retained(conn, app)?;
    let floor = lowest.map(|lowest| lowest.saturating_sub(1));
    execute(conn, FLOOR, [app.0.into(), floor.into()])?;
    for sql in BELOW {
        execute(conn, sql, [app.0.into()])?;
    }
    execute(conn, SESSIONS, [app.0.into(), before.into()])?;
    let oldest = before.plus_millis(-IDEMPOTENCY_MILLIS);
    execute(conn, REQUESTS, [app.0.into(), oldest.into()])?;
    let key = |row: &Row<'_>| row.get_ref("key")?.as_str()?.parse().map_err(|_| damaged("key"));
    all(conn, HEADS, [app.0.into(), json_texts(held.iter().map(AudienceKey::as_str))], key)
}

/// The lowest position that a retained entry lies at or is about.
fn lowest_retained(conn: &Connection, app: AppId) -> direct::Result<Option<Seq>> {
    const SQL: &str = "SELECT (SELECT seq FROM entry WHERE app = ?1 AND lane IS NOT NULL ORDER BY seq LIMIT 1) AS own, \
         (SELECT min(target_seq) FROM entry WHERE app = ?1 AND target_seq IS NOT NULL) AS target";
    let read = |row: &Row<'_>| Ok((seq_option(row, "own")?, seq_option(row, "target")?));
    let (own, target) = first(conn, SQL, [app.0.into()], read)?.unwrap_or_default();
    Ok(own.map(|own| target.map_or(own, |target| own.min(target))))
}
