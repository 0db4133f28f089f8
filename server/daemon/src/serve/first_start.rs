//! The first start: an API key, shown once.

use anyhow::Context as _;
use longwire_core::Core;
use longwire_core::auth_manager::NewKey;
use longwire_model::Scope;
use serde::Serialize;

use crate::output;

#[derive(Serialize)]
struct ShownKey {
    api_key: String,
    shown: &'static str,
}

/// Makes and prints a key with every right when there is none at all.
pub(super) async fn show_key(core: &Core) -> anyhow::Result<()> {
    if !core.auth.keys().await.context("the API keys cannot be read")?.is_empty() {
        return Ok(());
    }
    let new = NewKey { scopes: vec![Scope::Admin], label: Some("first start".to_owned()), expires_at: None };
    let (_, api_key) = core.auth.create_key(new).await.context("no API key can be made")?;
    output::line(&serde_json::to_string(&ShownKey { api_key, shown: "once" })?);
    Ok(())
}
