//! `POST /v1/user-keys`: add a user key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::auth_manager::PublicKey;
use serde::Deserialize;
use utoipa::ToSchema;

use super::UserKeyItem;
use crate::Api;
use crate::extract::{Asked, Authorized, Keys, Nothing, RawBody};
use crate::fields::{Fields, missing};
use crate::json;
use crate::problem::Problem;

/// A user key to be added.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({
    "public_key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n-----END PUBLIC KEY-----\n",
    "label": "back-end"
}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct NewUserKeyBody {
    /// A public key as PEM: Ed25519, P-256, or RSA of 2048 to 8192 bits.
    public_key: String,
    /// A name for it.
    #[schema(nullable = false, max_length = 100)]
    label: Option<String>,
}

/// Add a user key
///
/// The app's back-end signs with its private key, which stays there, the tokens by which devices bind themselves to a user.
#[utoipa::path(
    post,
    path = "/v1/user-keys",
    tag = "user keys",
    operation_id = "add_user_key",
    request_body = NewUserKeyBody,
    responses((status = 201, body = UserKeyItem, description = "Added; tokens name its `id` as `kid`"))
)]
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Authorized<Keys>,
    _: Asked<Nothing>,
    RawBody(bytes): RawBody,
) -> Result<(StatusCode, Json<UserKeyItem>), Problem> {
    let mut fields = Fields::of(json::parse(&bytes)?, &["public_key", "label"])?;
    let label = fields.label()?;
    let pem = fields.text("public_key")?.ok_or_else(|| missing("public_key"))?;
    let key = PublicKey::from_pem(&pem).map_err(|error| {
        Problem::invalid("public_key", error.to_string())
            .with_hint("`openssl pkey -in private.pem -pubout` writes the public key of a private one")
    })?;
    let added = api.core.auth.add_user_key(key, label).await?;
    caller.note("a user key was added", &added.id);
    Ok((StatusCode::CREATED, Json(added.into())))
}
