//! `longwire app key create|list|revoke`.

use anyhow::Context as _;
use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{call_list, call_once, every_page, show};
use crate::cli::AppKeyCommand;
use crate::control::{Call, Control, segment};
use crate::output;

pub(crate) async fn run(command: AppKeyCommand, variables: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        AppKeyCommand::Create { place, label } => {
            let body = Map::from_iter(label.map(|label| ("label".to_owned(), label.into())));
            let call = Call { body: Some(body.into()), ..Call::new(Method::POST, "/v1/app-keys") };
            let made = call_once(&place, variables, "app key create", call).await?;
            output::line(made.get("key").and_then(Value::as_str).context("the answer has no key")?);
        }
        AppKeyCommand::List { place, json } => {
            let items = call_list(&place, variables, "app key list", "/v1/app-keys").await?;
            show(items, &["id", "label", "created_at", "revoked_at", "registrations", "last_used_at"], json);
        }
        AppKeyCommand::Revoke { place, id, disable_accounts } => {
            // The whole key is what people have at hand; its secret stays here.
            let id = id.strip_prefix("lwa_").and_then(|rest| rest.split('_').next()).unwrap_or(&id);
            let path = format!("/v1/app-keys/{}", segment(id));
            let mut control = Control::open(&place, variables, "app key revoke").await?;
            let revoked = revoke(&mut control, id, &path, disable_accounts).await;
            control.close().await;
            let whom = match revoked? {
                Some(count) => {
                    format!("the accounts that it admitted ({count}) are disabled, and their sessions have ended")
                }
                None => "whom it admitted stays".to_owned(),
            };
            output::note(&format!("the app key {id} is revoked: it admits no registration, and {whom}"));
        }
    }
    Ok(())
}

/// Revokes a key, and disables whom it admitted where that is asked for; gives how many these are. Nobody is admitted in between: whom the
/// list does not have was not admitted by this key.
async fn revoke(control: &mut Control, id: &str, path: &str, disable_accounts: bool) -> anyhow::Result<Option<usize>> {
    control.call(Call::new(Method::DELETE, path)).await?;
    if !disable_accounts {
        return Ok(None);
    }
    let accounts = every_page(control, "/v1/accounts").await?;
    let names: Vec<&str> = accounts.iter().filter_map(|account| admitted_by(account, id)).collect();
    for name in &names {
        let path = format!("/v1/accounts/{}", segment(name));
        let call = Call { body: Some(json!({ "disabled": true })), ..Call::new(Method::PATCH, &path) };
        let disabled = control.call(call).await;
        disabled.with_context(|| {
            format!("the key is revoked, and the account {name} could not be disabled: repeat the command")
        })?;
    }
    Ok(Some(names.len()))
}

/// The name of an account, when this key has admitted it.
fn admitted_by<'a>(account: &'a Value, id: &str) -> Option<&'a str> {
    let text = |name: &str| account.get(name).and_then(Value::as_str);
    text("name").filter(|_| text("app_key") == Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_of_the_key_that_it_names() {
        let account = |key: Value| json!({ "name": "ann", "app_key": key });
        assert_eq!(admitted_by(&account(json!("k1")), "k1"), Some("ann"));
        assert_eq!(admitted_by(&account(json!("k2")), "k1"), None);
        assert_eq!(admitted_by(&account(Value::Null), "k1"), None);
    }
}
