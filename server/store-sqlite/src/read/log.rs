//! Pages of the log for one device, and single entries.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use longwire_model::{AppId, Entry, EntryId, EntryKind, Seq, Timestamp};
use longwire_store::{LogPage, LogQuery, LogRow, StoredEntry, Successor};
use serde_json::json;
use sqlx::sqlite::SqliteConnection;

use crate::row;
use crate::sql::{Value, bytes, column, damaged, json_seqs, seq, seq_option, statement, timestamp};

/// A page of what may concern the device of `query`, with candidates that the index does not have yet.
pub(crate) async fn read(
    conn: &mut SqliteConnection,
    query: &LogQuery,
    owed: Vec<Seq>,
) -> Result<LogPage, sqlx::Error> {
    let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
    let mut seqs = candidates(conn, query).await?;
    seqs.extend(owed);
    let mut seqs: Vec<Seq> = seqs.into_iter().collect();
    let is_end = seqs.len() <= limit;
    seqs.truncate(limit);
    let complete_to = if is_end { query.upto } else { seqs.last().copied().unwrap_or(query.after) };
    let entries = entries(conn, query.app, &seqs).await?;
    let rows = rows(conn, query.app, entries, query.upto).await?;
    Ok(LogPage { rows: rows.into_iter().map(|(row, _)| row).collect(), complete_to })
}

/// One entry and its end for everybody.
pub(crate) async fn entry(
    conn: &mut SqliteConnection,
    app: AppId,
    id: EntryId,
) -> Result<Option<StoredEntry>, sqlx::Error> {
    const SQL: &str = "SELECT * FROM entry WHERE app = ? AND id = ?";
    let Some(found) = statement(SQL, [app.0.into(), id.into()]).fetch_optional(&mut *conn).await? else {
        return Ok(None);
    };
    let entry = Arc::new(row::entry(&found)?);
    let rows = rows(conn, app, vec![entry], Seq::MAX / 2).await?;
    Ok(rows.into_iter().next().map(|(row, recalled)| StoredEntry {
        entry: row.entry,
        recalled,
        update: row.update,
        successors: row.successors,
    }))
}

/// The positions of the page and of one entry more, ascending. Each key gives its own first ones, so that a page costs what is in
/// it, however far behind the device is.
async fn candidates(conn: &mut SqliteConnection, query: &LogQuery) -> Result<BTreeSet<Seq>, sqlx::Error> {
    const SQL: &str = "SELECT (SELECT json_group_array(seq) FROM (SELECT k.seq FROM entry_key k \
         WHERE k.app = ?1 AND k.key = j.value ->> 0 AND k.lane = ?2 AND k.seq > max(?3, j.value ->> 1) AND k.seq <= ?4 \
         AND k.audience_seq > j.value ->> 1 AND k.audience_seq <= coalesce(j.value ->> 2, ?4) \
         ORDER BY k.seq LIMIT ?5)) AS seqs FROM json_each(?6) j";
    if query.after >= query.upto || query.memberships.is_empty() {
        return Ok(BTreeSet::new());
    }
    let own = query.memberships.iter().filter(|own| own.joined < query.upto);
    let memberships: Vec<_> = own.map(|own| json!([own.key.as_str(), own.joined, own.left])).collect();
    let values: [Value<'_>; 6] = [
        query.app.0.into(),
        query.lane.into(),
        query.after.into(),
        query.upto.into(),
        query.limit.saturating_add(1).into(),
        serde_json::Value::from(memberships).to_string().into(),
    ];
    let mut seqs = BTreeSet::new();
    for row in statement(SQL, values).fetch_all(conn).await? {
        let list: Vec<Seq> = serde_json::from_str(column(&row, "seqs")?).map_err(|_| damaged("seq"))?;
        seqs.extend(list);
    }
    Ok(seqs)
}

async fn entries(conn: &mut SqliteConnection, app: AppId, seqs: &[Seq]) -> Result<Vec<Arc<Entry>>, sqlx::Error> {
    const SQL: &str =
        "SELECT e.* FROM json_each(?2) j CROSS JOIN entry e ON e.app = ?1 AND e.seq = j.value ORDER BY e.seq";
    if seqs.is_empty() {
        return Ok(Vec::new());
    }
    let rows = statement(SQL, [app.0.into(), json_seqs(seqs.iter().copied())]).fetch_all(conn).await?;
    rows.iter().map(|found| row::entry(found).map(Arc::new)).collect()
}

/// Adds to entries what ended them for everybody, and when they were recalled.
async fn rows(
    conn: &mut SqliteConnection,
    app: AppId,
    entries: Vec<Arc<Entry>>,
    upto: Seq,
) -> Result<Vec<(LogRow, Option<(Seq, Timestamp)>)>, sqlx::Error> {
    let Followers { recalls, updates } = followers(conn, app, &entries, upto).await?;
    let mut successors = successors(conn, app, &entries, upto).await?;
    let row = |entry: Arc<Entry>| {
        let target = is_recallable(&entry).then(|| entry.audience_seq());
        let recall = target.and_then(|target| recalls.get(&target).copied());
        let update = target.and_then(|target| updates.get(&target)).filter(|update| update.seq > entry.seq).cloned();
        let successors = successors.remove(&entry.seq).unwrap_or_default();
        (LogRow { entry, recalled: recall.map(|(seq, _)| seq), update, successors }, recall)
    };
    Ok(entries.into_iter().map(row).collect())
}

const fn is_recallable(entry: &Entry) -> bool {
    matches!(entry.kind, EntryKind::Notification(_) | EntryKind::Update(..))
}

/// What follows notifications, by their positions.
#[derive(Default)]
struct Followers {
    /// Position and time of the recall.
    recalls: HashMap<Seq, (Seq, Timestamp)>,
    /// The newest update.
    updates: HashMap<Seq, Arc<Entry>>,
}

/// The recalls and the newest updates of entries or of their targets.
async fn followers(
    conn: &mut SqliteConnection,
    app: AppId,
    entries: &[Arc<Entry>],
    upto: Seq,
) -> Result<Followers, sqlx::Error> {
    const SQL: &str = "SELECT e.target_seq, e.kind, max(e.seq) AS seq, e.created_at FROM json_each(?2) j \
         CROSS JOIN entry e ON e.app = ?1 AND e.target_seq = j.value WHERE e.kind IN ('recall', 'update') AND e.seq <= ?3 \
         GROUP BY e.target_seq, e.kind";
    let targets: BTreeSet<Seq> =
        entries.iter().filter(|entry| is_recallable(entry)).map(|entry| entry.audience_seq()).collect();
    let mut followers = Followers::default();
    if targets.is_empty() {
        return Ok(followers);
    }
    let mut updates = Vec::new();
    for row in statement(SQL, [app.0.into(), json_seqs(targets), upto.into()]).fetch_all(&mut *conn).await? {
        let target = seq_option(&row, "target_seq")?.ok_or_else(|| damaged("target_seq"))?;
        let follower = seq(&row, "seq")?;
        if column::<&str>(&row, "kind")? == "update" {
            updates.push(follower);
        } else {
            followers.recalls.insert(target, (follower, timestamp(&row, "created_at")?));
        }
    }
    let updates = self::entries(conn, app, &updates).await?;
    followers.updates = updates.into_iter().map(|update| (update.audience_seq(), update)).collect();
    Ok(followers)
}

/// What supersedes entries, up to the first without a filter.
async fn successors(
    conn: &mut SqliteConnection,
    app: AppId,
    entries: &[Arc<Entry>],
    upto: Seq,
) -> Result<HashMap<Seq, Vec<Successor>>, sqlx::Error> {
    const SQL: &str = "SELECT e.seq AS older, s.seq, s.id, s.created_at, s.filter FROM json_each(?2) j \
         CROSS JOIN entry e ON e.app = ?1 AND e.seq = j.value \
         CROSS JOIN entry s INDEXED BY entry_collapse ON s.app = ?1 AND s.collapse_key = e.collapse_key AND s.audience_hash = e.audience_hash \
         AND s.lane = e.lane AND s.seq > e.seq AND s.audience = e.audience AND s.kind = 'notification' \
         WHERE s.seq <= coalesce((SELECT min(f.seq) FROM entry f WHERE f.app = ?1 AND f.collapse_key = e.collapse_key \
         AND f.audience_hash = e.audience_hash AND f.lane = e.lane AND f.seq > e.seq AND f.audience = e.audience \
         AND f.kind = 'notification' AND f.filter IS NULL), ?3) AND s.seq <= ?3 ORDER BY s.seq";
    let is_collapsible =
        |entry: &&Arc<Entry>| matches!(&entry.kind, EntryKind::Notification(content) if content.collapse_key.is_some());
    let older: Vec<Seq> = entries.iter().filter(is_collapsible).map(|entry| entry.seq).collect();
    let mut successors: HashMap<Seq, Vec<Successor>> = HashMap::new();
    if older.is_empty() {
        return Ok(successors);
    }
    for found in statement(SQL, [app.0.into(), json_seqs(older), upto.into()]).fetch_all(conn).await? {
        let successor = Successor {
            seq: seq(&found, "seq")?,
            id: bytes(&found, "id").map(EntryId::from_bytes)?,
            at: timestamp(&found, "created_at")?,
            filter: row::filter(&found)?,
        };
        successors.entry(seq(&found, "older")?).or_default().push(successor);
    }
    Ok(successors)
}
