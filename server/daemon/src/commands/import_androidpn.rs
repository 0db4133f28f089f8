//! `longwire import-androidpn`: takes over the accounts of an original androidpn server.

mod account;
mod csv;
mod file;
mod nothing;
mod report;
mod sql;
mod table;
mod text;
mod whole;

use std::io::IsTerminal as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use axum::http::Method;
use longwire_core::androidpn::import_into_nothing;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::cli::{AndroidpnFormat, ImportAndroidpnArgs};
use crate::control::{Call, Control};
use crate::output;
use account::{Account, Sorted};
use file::Contents;
use report::Report;

const COMMAND: &str = "import-androidpn";
/// Where the server takes accounts, and where it only says what it would do.
const PATH: &str = "/operator/androidpn-accounts";
const DRY_PATH: &str = "/operator/androidpn-accounts/dry-run";
/// Bytes of the accounts of one request: with the longest account on top it stays within what the server reads.
const BATCH_BYTES: usize = 256 * 1024;

/// When some rows were not taken over: a script that goes on then knows that some phones will be told 401.
const INCOMPLETE: u8 = 3;
/// How often it is told how far the import is, to a person and to a log.
const TOLD_EVERY: Duration = Duration::from_secs(1);
const LOGGED_EVERY: Duration = Duration::from_secs(5);

pub(crate) async fn run(args: &ImportAndroidpnArgs, variables: &[(String, String)]) -> anyhow::Result<ExitCode> {
    let is_dry_run = args.dry_run || !args.apply;
    let mut contents = file::read(&args.files, args.format, &args.table)?;
    if contents.iter().all(|file| file.rows.is_empty()) {
        let why: Vec<String> = contents.iter().map(|file| nothing::explain(file, &args.table)).collect();
        bail!("there is nothing to import: {}", why.join("; "));
    }
    warn_of(&contents, args);
    let rows = contents.iter_mut().flat_map(|file| std::mem::take(&mut file.rows)).collect();
    let Sorted { accounts, refused, repeated, older } = account::accounts(rows, args.created_since);
    let mut report = Report::new(&contents, refused, repeated, older);
    match Control::open_for_androidpn(&args.place, variables, COMMAND, is_dry_run).await? {
        Some(mut control) => {
            let told = tell(&mut control, &accounts, is_dry_run, &mut report).await;
            control.close().await;
            told?;
        }
        None => {
            output::note("there is no data directory yet: --apply makes it");
            let outcomes = import_into_nothing(accounts.iter().map(Account::to_new).collect());
            accounts.iter().zip(outcomes).for_each(|(account, outcome)| report.count(account, outcome.as_str()));
        }
    }
    output::line(&if args.json { report.json(is_dry_run).to_string() } else { report.text(is_dry_run) });
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(INCOMPLETE) })
}

/// Tells what of the files is not imported and does not keep the rest from it.
fn warn_of(contents: &[Contents], args: &ImportAndroidpnArgs) {
    for log in args.files.iter().filter_map(|path| file::newer_log(path, &args.files)) {
        output::warn(&format!(
            "{} holds changes that are not in the script: name it behind the script to import both",
            log.display()
        ));
    }
    for file in contents {
        // A log of HSQLDB has often nothing of it.
        if file.rows.is_empty() && file.format != AndroidpnFormat::Hsqldb {
            output::warn(&nothing::explain(file, &args.table));
        }
        let count = file.not_followed.len();
        if count > 0 {
            let lines = file.not_followed.iter().take(10).map(usize::to_string).collect::<Vec<_>>().join(", ");
            let more = if count > 10 { ", …" } else { "" };
            let (what, where_) = if count == 1 {
                ("statement changes or deletes rows, and is not followed", "line")
            } else {
                ("statements change or delete rows, and are not followed", "lines")
            };
            let name = &file.name;
            output::warn(&format!(
                "{name}: {count} {what} ({where_} {lines}{more}): the rows are imported all the same"
            ));
        }
    }
}

/// Gives the accounts to the server, batch by batch. What was taken before an error stays: the import can be repeated.
async fn tell(
    control: &mut Control,
    accounts: &[Account],
    is_dry_run: bool,
    report: &mut Report,
) -> anyhow::Result<()> {
    let path = if is_dry_run { DRY_PATH } else { PATH };
    let every = if std::io::stderr().is_terminal() { TOLD_EVERY } else { LOGGED_EVERY };
    let (mut told_at, mut done) = (Instant::now(), 0);
    for batch in batches(accounts) {
        let items: Vec<Value> = batch.iter().map(item).collect();
        let call = Call { body: Some(json!({ "accounts": items })), ..Call::new(Method::POST, path) };
        let answer = control.call(call).await?;
        let outcomes = answer.get("outcomes").and_then(Value::as_array).context("the answer has no outcomes")?;
        ensure!(outcomes.len() == batch.len(), "the answer tells of {} accounts of {}", outcomes.len(), batch.len());
        for (account, outcome) in batch.iter().zip(outcomes) {
            report.count(account, outcome.as_str().unwrap_or_default());
        }
        done += batch.len();
        if told_at.elapsed() >= every && done < accounts.len() {
            output::note(&format!("{done} of {} accounts", accounts.len()));
            told_at = Instant::now();
        }
    }
    Ok(())
}

fn item(account: &Account) -> Value {
    let mut item = json!({ "name": account.name, "password": account.password });
    if let Some(members) = item.as_object_mut() {
        let created_at = account.created_at.map(|at| at.to_string());
        let more =
            [("created_at", created_at), ("email", account.email.clone()), ("full_name", account.full_name.clone())];
        members.extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
    }
    item
}

/// Cuts accounts into runs whose JSON is not too long.
fn batches(accounts: &[Account]) -> Vec<&[Account]> {
    let mut batches = Vec::new();
    let (mut start, mut bytes) = (0, 0);
    for (index, account) in accounts.iter().enumerate() {
        let own = item(account).to_string().len() + 1;
        if bytes + own > BATCH_BYTES && index > start {
            batches.extend(accounts.get(start..index));
            (start, bytes) = (index, 0);
        }
        bytes += own;
    }
    batches.extend(accounts.get(start..).filter(|rest| !rest.is_empty()));
    batches
}

#[cfg(test)]
mod tests {
    use super::*;
    use account::Spot;

    #[test]
    fn batches_hold_every_account_once_and_are_not_too_long() {
        let account = |line: usize| Account {
            spot: Spot::new(line, line),
            name: format!("user{line}"),
            // JSON makes two bytes of each of these.
            password: if line.is_multiple_of(100) { "\"".repeat(1_023) } else { "x".repeat(32) },
            created_at: None,
            email: None,
            full_name: None,
        };
        let accounts: Vec<Account> = (0..10_000).map(account).collect();
        let batches = batches(&accounts);
        assert_eq!(batches.iter().map(|batch| batch.len()).sum::<usize>(), 10_000);
        assert!(batches.len() > 1 && batches.concat() == accounts);
        for batch in batches {
            let items: Vec<Value> = batch.iter().map(item).collect();
            assert!(json!({ "accounts": items }).to_string().len() < BATCH_BYTES + 4 * 1024);
        }
    }
}
