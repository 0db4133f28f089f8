//! The first start: an API key, shown once, in the ready line.

use anyhow::Context as _;
use longwire_core::Core;
use longwire_core::auth_manager::NewKey;
use longwire_model::Scope;

/// Makes a key with every right when there is none at all.
pub(super) async fn key(core: &Core) -> anyhow::Result<Option<String>> {
    if !core.auth.keys().await.context("the API keys cannot be read")?.is_empty() {
        return Ok(None);
    }
    let new = NewKey { scopes: vec![Scope::Admin], label: Some("first start".to_owned()), expires_at: None };
    let (_, key) = core.auth.create_key(new).await.context("no API key can be made")?;
    Ok(Some(key))
}
