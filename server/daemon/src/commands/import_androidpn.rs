//! `longwire import-androidpn`: takes over the accounts of an original androidpn server.

mod account;
mod csv;
mod file;
mod report;
mod sql;
mod table;

use anyhow::{Context as _, ensure};
use axum::http::Method;
use serde_json::{Value, json};

use crate::cli::ImportAndroidpnArgs;
use crate::control::{Call, Control};
use crate::output;
use account::Account;
use report::Report;

const COMMAND: &str = "import-androidpn";
/// Where the server takes accounts, and where it only says what it would do.
const PATH: &str = "/operator/androidpn-accounts";
const DRY_PATH: &str = "/operator/androidpn-accounts/dry-run";
/// Bytes of the accounts of one request: with the longest account on top it stays within what the server reads.
const BATCH_BYTES: usize = 32 * 1024;

pub(crate) async fn run(args: &ImportAndroidpnArgs, variables: &[(String, String)]) -> anyhow::Result<()> {
    let contents = file::read(&args.file, args.format)?;
    let (format, apply) = (contents.format, args.apply && !args.dry_run);
    if let Some(log) = file::newer_log(&args.file) {
        output::note(&format!(
            "{} holds changes that are not in the script: import it too, or shut the old server's database down first",
            log.display()
        ));
    }
    if !contents.not_followed.is_empty() {
        let lines = contents.not_followed.iter().take(10).map(usize::to_string).collect::<Vec<_>>().join(", ");
        output::note(&format!(
            "{} statements change or delete rows, and are not followed (lines {lines}, …): what they end is imported all the same",
            contents.not_followed.len()
        ));
    }
    let mut report = Report::new(contents.refused);
    if !contents.accounts.is_empty() {
        let mut control = Control::open_for_androidpn(&args.place, variables, COMMAND).await?;
        let told = tell(&mut control, &contents.accounts, apply, &mut report).await;
        control.close().await;
        told?;
    }
    output::line(&if args.json { report.json(format, !apply).to_string() } else { report.text(format, !apply) });
    Ok(())
}

/// Gives the accounts to the server, batch by batch. What was taken before an error stays: the import can be repeated.
async fn tell(control: &mut Control, accounts: &[Account], apply: bool, report: &mut Report) -> anyhow::Result<()> {
    let path = if apply { PATH } else { DRY_PATH };
    for batch in batches(accounts) {
        let items: Vec<Value> = batch.iter().map(item).collect();
        let call = Call { body: Some(json!({ "accounts": items })), ..Call::new(Method::POST, path) };
        let answer = control.call(call).await?;
        let outcomes = answer.get("outcomes").and_then(Value::as_array).context("the answer has no outcomes")?;
        ensure!(outcomes.len() == batch.len(), "the answer tells of {} accounts of {}", outcomes.len(), batch.len());
        for (account, outcome) in batch.iter().zip(outcomes) {
            report.count(account, outcome.as_str().unwrap_or_default());
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

    #[test]
    fn batches_hold_every_account_once_and_are_not_too_long() {
        let account = |line: usize| Account {
            line,
            name: format!("user{line}"),
            // JSON makes two bytes of each of these.
            password: if line.is_multiple_of(100) { "\"".repeat(1_023) } else { "x".repeat(32) },
            created_at: None,
            email: None,
            full_name: None,
        };
        let accounts: Vec<Account> = (0..1_000).map(account).collect();
        let batches = batches(&accounts);
        assert_eq!(batches.iter().map(|batch| batch.len()).sum::<usize>(), 1_000);
        assert!(batches.len() > 1 && batches.concat() == accounts);
        for batch in batches {
            let items: Vec<Value> = batch.iter().map(item).collect();
            assert!(json!({ "accounts": items }).to_string().len() < 64 * 1024);
        }
    }
}
