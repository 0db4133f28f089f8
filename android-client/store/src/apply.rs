//! A device's step; what a change does to a row is decided by the client core.

use longwire_client::Lane;
use longwire_client::inbox::{Change, EntryKind, Outcome, Step, Transaction, keep, leave, turn};
use longwire_protocol::push::{Bound, SeqSet};

use crate::row::{find, of_users, save};
use crate::{Database, DatabaseError, Value, device as of, network, number, record, report};

/// Applies the changes in order, within the caller's transaction.
///
/// # Errors
/// When the database fails: the caller then ends the transaction as if nothing had been.
pub async fn apply<D: Database>(
    database: &mut D,
    device: u32,
    transaction: &Transaction,
) -> Result<Vec<Outcome>, DatabaseError> {
    let mut outcomes = Vec::with_capacity(transaction.changes.len());
    for change in &transaction.changes {
        outcomes.push(apply_change(database, device, change, transaction.at_ms).await?);
    }
    Ok(outcomes)
}

async fn apply_change<D: Database>(
    database: &mut D,
    device: u32,
    change: &Change,
    at_ms: u64,
) -> Result<Outcome, DatabaseError> {
    match change {
        Change::Installation(_)
        | Change::Account(_)
        | Change::Registered
        | Change::ForgetToken
        | Change::Conflicts(_)
        | Change::Refusals(_) => {
            change_record(database, device, change).await?;
        }
        Change::Bound { bound, .. } => {
            change_record(database, device, change).await?;
            return bind(database, device, bound).await;
        }
        Change::User(user) => {
            change_record(database, device, change).await?;
            return drop_rows_of_others(database, device, user.as_deref(), at_ms).await;
        }
        Change::Cursor { lane, seq } => advance(database, device, *lane, *seq, at_ms).await?,
        Change::Keep(entry) => {
            if entry.seq > 0 {
                keep_seq(database, device, entry.lane, entry.seq, at_ms).await?;
            }
            let row = find(database, device, &entry.target).await?;
            let is_update = entry.kind == EntryKind::Update;
            let is_repeat = is_update && find(database, device, &entry.id).await?.is_some();
            return write(database, device, keep(row, is_repeat, entry, at_ms)).await;
        }
        Change::Row(id, verb) => {
            let row = find(database, device, id).await?;
            return write(database, device, turn(row, verb, at_ms)).await;
        }
        Change::Report(report) => {
            let is_new = report::add(database, device, report).await?;
            return Ok(if is_new { Outcome::Report(report.clone()) } else { Outcome::Quiet });
        }
        Change::Reported(report) => report::answer(database, device, report, at_ms).await?,
        Change::Network(learned) => network::save(database, device, learned).await?,
        Change::Prune { before_ms } => prune(database, device, *before_ms).await?,
    }
    Ok(Outcome::Quiet)
}

async fn change_record<D: Database>(database: &mut D, device: u32, change: &Change) -> Result<(), DatabaseError> {
    let mut record = record::load(database, device).await?.unwrap_or_default();
    record.apply(change);
    record::save(database, device, &record).await
}

async fn write<D: Database>(database: &mut D, device: u32, step: Step) -> Result<Outcome, DatabaseError> {
    for row in &step.write {
        save(database, device, row).await?;
    }
    if let Outcome::Report(report) = &step.outcome
        && !report::add(database, device, report).await?
    {
        return Ok(Outcome::Quiet);
    }
    Ok(step.outcome)
}

async fn bind<D: Database>(database: &mut D, device: u32, bound: &Bound) -> Result<Outcome, DatabaseError> {
    let cursor = bound.cursor;
    for (lane, effective) in [(Lane::Normal, cursor.normal), (Lane::Background, cursor.background)] {
        let sql = "DELETE FROM seqs WHERE device = ? AND is_background = ? AND seq > ?";
        database.execute(sql, vec![of(device), is_background(lane), number(effective)]).await?;
    }
    Ok(Outcome::Bound {
        normal: seqs_between(database, device, Lane::Normal, bound.recorded_normal, cursor.normal).await?,
        background: seqs_between(database, device, Lane::Background, bound.recorded_background, cursor.background)
            .await?,
    })
}

async fn seqs_between<D: Database>(
    database: &mut D,
    device: u32,
    lane: Lane,
    above: u64,
    upto: u64,
) -> Result<SeqSet, DatabaseError> {
    if above >= upto {
        return Ok(SeqSet::default());
    }
    let sql = "SELECT seq FROM seqs WHERE device = ? AND is_background = ? AND seq > ? AND seq <= ? ORDER BY seq";
    let values = vec![of(device), is_background(lane), number(above), number(upto)];
    database.query(sql, values).await?.iter_mut().map(|row| row.number("seq")).collect()
}

async fn drop_rows_of_others<D: Database>(
    database: &mut D,
    device: u32,
    user: Option<&str>,
    at_ms: u64,
) -> Result<Outcome, DatabaseError> {
    let mut reports = Vec::new();
    for row in of_users(database, device).await? {
        if let Some((left, report)) = leave(row, user, at_ms) {
            save(database, device, &left).await?;
            let Some(report) = report else { continue };
            if report::add(database, device, &report).await? {
                reports.push(report);
            }
        }
    }
    Ok(Outcome::Left(reports))
}

async fn advance<D: Database>(
    database: &mut D,
    device: u32,
    lane: Lane,
    seq: u64,
    at_ms: u64,
) -> Result<(), DatabaseError> {
    // Without a cursor there is none to move.
    let sql = match lane {
        Lane::Normal => {
            "UPDATE device SET normal = max(normal, ?), known = max(known, ?) WHERE device = ? AND normal IS NOT NULL"
        }
        Lane::Background => {
            "UPDATE device SET background = max(background, ?), known = max(known, ?)
             WHERE device = ? AND background IS NOT NULL"
        }
    };
    database.execute(sql, vec![number(seq), number(at_ms), of(device)]).await.map(drop)
}

async fn keep_seq<D: Database>(
    database: &mut D,
    device: u32,
    lane: Lane,
    seq: u64,
    at_ms: u64,
) -> Result<(), DatabaseError> {
    let sql = "INSERT OR REPLACE INTO seqs (device, is_background, seq, received) VALUES (?, ?, ?, ?)";
    database.execute(sql, vec![of(device), is_background(lane), number(seq), number(at_ms)]).await.map(drop)
}

async fn prune<D: Database>(database: &mut D, device: u32, before_ms: u64) -> Result<(), DatabaseError> {
    for sql in [
        "DELETE FROM inbox WHERE device = ? AND state >= 2 AND owed = 0 AND received < ?",
        "DELETE FROM reports WHERE device = ? AND answered < ?",
        "DELETE FROM seqs WHERE device = ? AND received < ?",
    ] {
        database.execute(sql, vec![of(device), number(before_ms)]).await?;
    }
    Ok(())
}

fn is_background(lane: Lane) -> Value {
    Value::Integer((lane == Lane::Background).into())
}
