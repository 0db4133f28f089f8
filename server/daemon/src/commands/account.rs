//! `longwire account add|list|disable|enable|password|remove`.

use std::collections::HashSet;
use std::io::Read as _;

use anyhow::Context as _;
use axum::http::Method;
use serde_json::{Value, json};

use super::{call_list, call_once, show};
use crate::cli::{AccountCommand, Place};
use crate::control::{Call, Control, segment};
use crate::output;

/// Bytes that are read of a password; the API refuses long ones with a better word.
const PASSWORD_BYTES_MAX: u64 = 64 * 1024;

pub(crate) async fn run(command: AccountCommand, variables: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        AccountCommand::Add { place, name, password_stdin } => {
            let body = if password_stdin {
                json!({ "name": name, "password": read_password()? })
            } else {
                json!({ "name": name })
            };
            let call = Call { body: Some(body), ..Call::new(Method::POST, "/v1/accounts") };
            let made = call_once(&place, variables, "account add", call).await?;
            if let Some(password) = made.get("password").and_then(Value::as_str) {
                output::line(password);
            }
            output::note(&format!("the account {name} is added"));
        }
        AccountCommand::List { place, never_came, json } => {
            let mut items = call_list(&place, variables, "account list", "/v1/accounts").await?;
            if never_came {
                let devices = call_list(&place, variables, "account list", "/v1/devices").await?;
                keep_strangers(&mut items, &devices);
            }
            show(items, &["name", "kind", "created_at", "disabled"], json);
        }
        AccountCommand::Password { place, name, password_stdin } => {
            let body = if password_stdin { json!({ "password": read_password()? }) } else { json!({}) };
            let path = format!("/v1/accounts/{}/password", segment(&name));
            let call = Call { body: Some(body), ..Call::new(Method::POST, &path) };
            let mut control = Control::open_with_key(&place, variables, "account password").await?;
            let changed = control.call(call).await;
            control.close().await;
            let changed = changed?;
            if let Some(password) = changed.get("password").and_then(Value::as_str) {
                output::line(password);
            }
            output::note(&format!("the account {name} has another password; its sessions have ended"));
        }
        AccountCommand::Disable { place, names } => each(&place, variables, &names, Change::Disable).await?,
        AccountCommand::Enable { place, names } => each(&place, variables, &names, Change::Enable).await?,
        AccountCommand::Remove { place, names } => each(&place, variables, &names, Change::Remove).await?,
    }
    Ok(())
}

/// Leaves the accounts with which no device was ever connected.
fn keep_strangers(accounts: &mut Vec<Value>, devices: &[Value]) {
    let has_come = |device: &&Value| {
        device.get("online") == Some(&Value::Bool(true)) || device.get("last_seen").is_some_and(|seen| !seen.is_null())
    };
    let name = |item: &Value, key: &str| item.get(key).and_then(Value::as_str).map(str::to_owned);
    let come: HashSet<String> = devices.iter().filter(has_come).filter_map(|device| name(device, "account")).collect();
    accounts.retain(|account| name(account, "name").is_none_or(|name| !come.contains(&name)));
}

/// What is done to several accounts alike.
#[derive(Clone, Copy)]
enum Change {
    Disable,
    Enable,
    Remove,
}

impl Change {
    const fn command(self) -> &'static str {
        match self {
            Self::Disable => "account disable",
            Self::Enable => "account enable",
            Self::Remove => "account remove",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Disable => "disabled",
            Self::Enable => "enabled",
            Self::Remove => "removed",
        }
    }

    fn call(self, path: &str) -> Call<'_> {
        match self {
            Self::Disable => Call { body: Some(json!({ "disabled": true })), ..Call::new(Method::PATCH, path) },
            Self::Enable => Call { body: Some(json!({ "disabled": false })), ..Call::new(Method::PATCH, path) },
            Self::Remove => Call::new(Method::DELETE, path),
        }
    }
}

/// Does it to every account that can take it.
async fn each(place: &Place, variables: &[(String, String)], names: &[String], change: Change) -> anyhow::Result<()> {
    let mut control = Control::open(place, variables, change.command()).await?;
    let mut failed = Vec::new();
    for name in names {
        let path = format!("/v1/accounts/{}", segment(name));
        match control.call(change.call(&path)).await {
            Ok(_) => output::note(&format!("the account {name} is {}", change.done())),
            Err(error) => failed.push(error.context(format!("the account {name} could not be {}", change.done()))),
        }
    }
    control.close().await;
    let count = failed.len();
    let Some(last) = failed.pop() else { return Ok(()) };
    failed.iter().for_each(output::complain);
    Err(if count > 1 { last.context(format!("{count} of {} accounts are left", names.len())) } else { last })
}

/// The password on standard input, without the line's end.
fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut text);
    read.context("no password can be read from standard input")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_never_came_while_none_of_its_devices_did() {
        let mut accounts = ["ann", "bob", "cid", "dan"].map(|name| json!({ "name": name })).to_vec();
        let devices = [
            json!({ "account": "ann", "online": false, "last_seen": null }),
            json!({ "account": "bob", "online": false, "last_seen": "2026-11-22T01:00:00.000Z" }),
            json!({ "account": "cid", "online": true, "last_seen": null }),
        ];
        keep_strangers(&mut accounts, &devices);
        assert_eq!(accounts, [json!({ "name": "ann" }), json!({ "name": "dan" })]);
    }
}
