//! `/v1/app-keys`: app keys, which admit registrations of devices and nothing else.

pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod post;

use longwire_model::AppKey;
use serde::Serialize;
use utoipa::ToSchema;

/// An app key without its secret.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "4be07d19a2c5", "label": "android", "created_at": "2026-11-21T11:42:00.123Z", "revoked_at": null,
    "registrations": 1204, "last_used_at": "2026-11-21T12:07:31.020Z"
}))]
pub(crate) struct AppKeyItem {
    /// Its public part: the middle of `lwa_<id>_<secret>`.
    id: String,
    /// What an operator calls it.
    label: Option<String>,
    /// When it was made.
    created_at: String,
    /// When it was revoked.
    revoked_at: Option<String>,
    /// How many registrations it has admitted.
    registrations: u64,
    /// When it admitted the last one.
    last_used_at: Option<String>,
}

impl From<AppKey> for AppKeyItem {
    fn from(key: AppKey) -> Self {
        Self {
            id: key.id,
            label: key.label,
            created_at: key.created_at.to_string(),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
            registrations: key.registrations,
            last_used_at: key.last_used_at.map(|at| at.to_string()),
        }
    }
}
