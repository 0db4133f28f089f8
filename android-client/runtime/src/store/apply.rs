//! A device's step as SQL; what a change does to a row is decided by the client core.

use longwire_client::Lane;
use longwire_client::inbox::{Change, EntryKind, Outcome, Step, Transaction, keep, leave, turn};
use longwire_protocol::push::{Bound, DeviceEvent, SeqSet};
use sqlx::SqliteConnection;

use super::row::{find, from_db, of_users, save, to_db};
use super::{network, record};

/// Applies the changes in order; the caller commits.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    device: u32,
    transaction: &Transaction,
) -> Result<Vec<Outcome>, sqlx::Error> {
    let mut outcomes = Vec::with_capacity(transaction.changes.len());
    for change in &transaction.changes {
        outcomes.push(apply_change(connection, device, change, transaction.at_ms).await?);
    }
    Ok(outcomes)
}

async fn apply_change(
    connection: &mut SqliteConnection,
    device: u32,
    change: &Change,
    at_ms: u64,
) -> Result<Outcome, sqlx::Error> {
    match change {
        Change::Installation(_)
        | Change::Account(_)
        | Change::Registered
        | Change::ForgetToken
        | Change::Conflicts(_)
        | Change::Refusals(_) => {
            change_record(connection, device, change).await?;
        }
        Change::Bound { bound, .. } => {
            change_record(connection, device, change).await?;
            return bind(connection, device, bound).await;
        }
        Change::User(user) => {
            change_record(connection, device, change).await?;
            return drop_rows_of_others(connection, device, user.as_deref(), at_ms).await;
        }
        Change::Cursor { lane, seq } => advance(connection, device, *lane, *seq, at_ms).await?,
        Change::Keep(entry) => {
            if entry.seq > 0 {
                keep_seq(connection, device, entry.lane, entry.seq, at_ms).await?;
            }
            let row = find(connection, device, &entry.target).await?;
            let is_update = entry.kind == EntryKind::Update;
            let is_repeat = is_update && find(connection, device, &entry.id).await?.is_some();
            return write(connection, device, keep(row, is_repeat, entry, at_ms)).await;
        }
        Change::Row(id, verb) => {
            let row = find(connection, device, id).await?;
            return write(connection, device, turn(row, verb, at_ms)).await;
        }
        Change::Report(report) => {
            let is_new = add_report(connection, device, report).await?;
            return Ok(if is_new { Outcome::Report(report.clone()) } else { Outcome::Quiet });
        }
        Change::Reported(report) => answered(connection, device, report, at_ms).await?,
        Change::Network(learned) => network::save(connection, device, learned).await?,
        Change::Prune { before_ms } => prune(connection, device, *before_ms).await?,
    }
    Ok(Outcome::Quiet)
}

async fn change_record(connection: &mut SqliteConnection, device: u32, change: &Change) -> Result<(), sqlx::Error> {
    let mut record = record::load(connection, device).await?;
    record.apply(change);
    record::save(connection, device, &record).await
}

async fn write(connection: &mut SqliteConnection, device: u32, step: Step) -> Result<Outcome, sqlx::Error> {
    for row in &step.write {
        save(connection, device, row).await?;
    }
    if let Outcome::Report(report) = &step.outcome
        && !add_report(connection, device, report).await?
    {
        return Ok(Outcome::Quiet);
    }
    Ok(step.outcome)
}

async fn bind(connection: &mut SqliteConnection, device: u32, bound: &Bound) -> Result<Outcome, sqlx::Error> {
    let cursor = bound.cursor;
    for (is_background, effective) in [(false, cursor.normal), (true, cursor.background)] {
        let query = sqlx::query("DELETE FROM seqs WHERE device = ? AND is_background = ? AND seq > ?");
        query.bind(device).bind(is_background).bind(to_db(effective)).execute(&mut *connection).await?;
    }
    Ok(Outcome::Bound {
        normal: seqs_between(connection, device, false, bound.recorded_normal, cursor.normal).await?,
        background: seqs_between(connection, device, true, bound.recorded_background, cursor.background).await?,
    })
}

async fn seqs_between(
    connection: &mut SqliteConnection,
    device: u32,
    is_background: bool,
    above: u64,
    upto: u64,
) -> Result<SeqSet, sqlx::Error> {
    if above >= upto {
        return Ok(SeqSet::default());
    }
    let query = sqlx::query_scalar::<_, i64>(
        "SELECT seq FROM seqs WHERE device = ? AND is_background = ? AND seq > ? AND seq <= ? ORDER BY seq",
    );
    let seqs =
        query.bind(device).bind(is_background).bind(to_db(above)).bind(to_db(upto)).fetch_all(connection).await?;
    Ok(seqs.into_iter().map(from_db).collect())
}

async fn drop_rows_of_others(
    connection: &mut SqliteConnection,
    device: u32,
    user: Option<&str>,
    at_ms: u64,
) -> Result<Outcome, sqlx::Error> {
    let mut reports = Vec::new();
    for row in of_users(connection, device).await? {
        if let Some((left, report)) = leave(row, user, at_ms) {
            save(connection, device, &left).await?;
            let Some(report) = report else { continue };
            if add_report(connection, device, &report).await? {
                reports.push(report);
            }
        }
    }
    Ok(Outcome::Left(reports))
}

async fn advance(
    connection: &mut SqliteConnection,
    device: u32,
    lane: Lane,
    seq: u64,
    at_ms: u64,
) -> Result<(), sqlx::Error> {
    // Without a cursor there is none to move.
    let query = match lane {
        Lane::Normal => {
            "UPDATE device SET normal = max(normal, ?), known = max(known, ?) WHERE device = ? AND normal IS NOT NULL"
        }
        Lane::Background => {
            "UPDATE device SET background = max(background, ?), known = max(known, ?)
             WHERE device = ? AND background IS NOT NULL"
        }
    };
    sqlx::query(query).bind(to_db(seq)).bind(to_db(at_ms)).bind(device).execute(connection).await.map(drop)
}

async fn keep_seq(
    connection: &mut SqliteConnection,
    device: u32,
    lane: Lane,
    seq: u64,
    at_ms: u64,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query("INSERT OR REPLACE INTO seqs (device, is_background, seq, received) VALUES (?, ?, ?, ?)");
    let query = query.bind(device).bind(lane == Lane::Background).bind(to_db(seq)).bind(to_db(at_ms));
    query.execute(connection).await.map(drop)
}

/// Whether the report is one that was not told before.
async fn add_report(connection: &mut SqliteConnection, device: u32, report: &DeviceEvent) -> Result<bool, sqlx::Error> {
    let query = sqlx::query(
        "INSERT OR IGNORE INTO reports (device, entry, kind, at, reason, action, text) VALUES (?, ?, ?, ?, ?, ?, ?)",
    );
    let query = query.bind(device).bind(&report.entry).bind(report.kind.as_str());
    let query = query.bind(to_db(report.at.unix_ms())).bind(report.reason.as_deref());
    let query = query.bind(report.action.as_deref()).bind(report.text.as_deref());
    Ok(query.execute(connection).await?.rows_affected() > 0)
}

async fn answered(
    connection: &mut SqliteConnection,
    device: u32,
    report: &DeviceEvent,
    at_ms: u64,
) -> Result<(), sqlx::Error> {
    let query = sqlx::query(
        "UPDATE reports SET answered = ? WHERE device = ? AND entry = ? AND kind = ? AND answered IS NULL
         AND (action IS NULL OR (action IS ? AND at = ? AND text IS ?))",
    );
    let query = query.bind(to_db(at_ms)).bind(device).bind(&report.entry).bind(report.kind.as_str());
    let query = query.bind(report.action.as_deref()).bind(to_db(report.at.unix_ms())).bind(report.text.as_deref());
    query.execute(connection).await.map(drop)
}

async fn prune(connection: &mut SqliteConnection, device: u32, before_ms: u64) -> Result<(), sqlx::Error> {
    let query = sqlx::query("DELETE FROM inbox WHERE device = ? AND state >= 2 AND owed = 0 AND received < ?");
    query.bind(device).bind(to_db(before_ms)).execute(&mut *connection).await?;
    let query = sqlx::query("DELETE FROM reports WHERE device = ? AND answered < ?");
    query.bind(device).bind(to_db(before_ms)).execute(&mut *connection).await?;
    let query = sqlx::query("DELETE FROM seqs WHERE device = ? AND received < ?");
    query.bind(device).bind(to_db(before_ms)).execute(connection).await.map(drop)
}
