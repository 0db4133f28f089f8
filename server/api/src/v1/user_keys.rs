//! `/v1/user-keys`: public keys, by which user tokens are checked.

pub(crate) mod delete;
pub(crate) mod list;
pub(crate) mod post;

use longwire_core::auth_manager::user_key_pem;
use longwire_model::UserKey;
use serde::Serialize;
use utoipa::ToSchema;

/// A user key.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "9d01c4e7b2aa", "algorithm": "EdDSA", "label": "back-end",
    "public_key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
    "created_at": "2026-11-21T11:42:00.123Z", "revoked_at": null
}))]
pub(crate) struct UserKeyItem {
    /// Its id: what tokens name as `kid`.
    id: String,
    /// How its tokens are signed: `EdDSA`, `ES256` or `RS256`.
    algorithm: &'static str,
    /// What an operator calls it.
    label: Option<String>,
    /// The key, as PEM.
    public_key: String,
    /// When it was added.
    created_at: String,
    /// When it was revoked.
    revoked_at: Option<String>,
}

impl From<UserKey> for UserKeyItem {
    fn from(key: UserKey) -> Self {
        Self {
            algorithm: key.algorithm.as_str(),
            public_key: user_key_pem(&key),
            id: key.id,
            label: key.label,
            created_at: key.created_at.to_string(),
            revoked_at: key.revoked_at.map(|at| at.to_string()),
        }
    }
}
