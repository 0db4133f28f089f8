//! `longwire key create|list|revoke`.

use anyhow::Context as _;
use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{call_list, call_once, show};
use crate::cli::KeyCommand;
use crate::control::{Call, segment};
use crate::output;

pub(crate) async fn run(command: KeyCommand, variables: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        KeyCommand::Create { place, scope, label, expires } => {
            let mut body = Map::from_iter([("scopes".to_owned(), json!(scope))]);
            body.extend(label.map(|label| ("label".to_owned(), label.into())));
            body.extend(expires.map(|seconds| ("expires_in".to_owned(), seconds.into())));
            let call = Call { body: Some(body.into()), ..Call::new(Method::POST, "/v1/keys") };
            let made = call_once(&place, variables, "key create", call).await?;
            output::line(made.get("key").and_then(Value::as_str).context("the answer has no key")?);
        }
        KeyCommand::List { place, json } => {
            let items = call_list(&place, variables, "key list", "/v1/keys").await?;
            show(items, &["id", "scopes", "label", "created_at", "expires_at", "revoked_at"], json);
        }
        KeyCommand::Revoke { place, id } => {
            // The whole key is what people have at hand; its secret stays here.
            let id = id.strip_prefix("lw_").and_then(|rest| rest.split('_').next()).unwrap_or(&id);
            let path = format!("/v1/keys/{}", segment(id));
            call_once(&place, variables, "key revoke", Call::new(Method::DELETE, &path)).await?;
            output::note(&format!("the API key {id} is revoked"));
        }
    }
    Ok(())
}
