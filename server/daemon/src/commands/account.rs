//! `longwire account add|list|remove`.

use std::io::Read as _;

use anyhow::Context as _;
use axum::http::Method;
use serde_json::{Value, json};

use super::{call_list, call_once, show};
use crate::cli::AccountCommand;
use crate::control::{Call, segment};
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
        AccountCommand::List { place, json } => {
            let items = call_list(&place, variables, "account list", "/v1/accounts").await?;
            show(items, &["name", "created_at", "disabled"], json);
        }
        AccountCommand::Remove { place, name } => {
            let path = format!("/v1/accounts/{}", segment(&name));
            call_once(&place, variables, "account remove", Call::new(Method::DELETE, &path)).await?;
            output::note(&format!("the account {name} is removed"));
        }
    }
    Ok(())
}

/// The password on standard input, without the line's end.
fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    let read = std::io::stdin().lock().take(PASSWORD_BYTES_MAX).read_to_string(&mut text);
    read.context("no password can be read from standard input")?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
