//! `longwire app key create|list|revoke`.

use anyhow::Context as _;
use axum::http::Method;
use serde_json::{Map, Value};

use super::{call_list, call_once, show};
use crate::cli::AppKeyCommand;
use crate::control::{Call, segment};
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
        AppKeyCommand::Revoke { place, id } => {
            // The whole key is what people have at hand; its secret stays here.
            let id = id.strip_prefix("lwa_").and_then(|rest| rest.split('_').next()).unwrap_or(&id);
            let path = format!("/v1/app-keys/{}", segment(id));
            call_once(&place, variables, "app key revoke", Call::new(Method::DELETE, &path)).await?;
            output::note(&format!(
                "the app key {id} is revoked: it admits no registration, and whom it admitted stays"
            ));
        }
    }
    Ok(())
}
