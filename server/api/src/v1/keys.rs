//! `/v1/keys`: API keys.

pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod post;

use longwire_model::{ApiKey, Scope};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A right.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ScopeName {
    /// Post and recall notifications.
    Send,
    /// Read notifications, deliveries and devices.
    Read,
    /// Change users, tags and topics of devices.
    Devices,
    /// Create, list and revoke API keys.
    Keys,
    /// All of these, and accounts.
    Admin,
}

impl From<Scope> for ScopeName {
    fn from(scope: Scope) -> Self {
        match scope {
            Scope::Send => Self::Send,
            Scope::Read => Self::Read,
            Scope::Devices => Self::Devices,
            Scope::Keys => Self::Keys,
            Scope::Admin => Self::Admin,
        }
    }
}

/// An API key without its secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "9f3a61c0d2b4", "scopes": ["send"], "label": "backend",
    "created_at": "2026-11-21T11:42:00.123Z", "expires_at": null, "revoked_at": null
}))]
pub(crate) struct KeyItem {
    /// Its public part: the middle of `lw_<id>_<secret>`.
    id: String,
    /// What it may do.
    scopes: Vec<ScopeName>,
    /// What an operator calls it.
    label: Option<String>,
    /// When it was made.
    created_at: String,
    /// From when on it is refused.
    expires_at: Option<String>,
    /// When it was revoked.
    revoked_at: Option<String>,
}

impl From<ApiKey> for KeyItem {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            scopes: key.scopes.into_iter().map(ScopeName::from).collect(),
            label: key.label,
            created_at: key.created_at.to_string(),
            expires_at: key.expires_at.map(|at| at.to_string()),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
        }
    }
}
