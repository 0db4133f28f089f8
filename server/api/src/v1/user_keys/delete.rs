//! `DELETE /v1/user-keys/{id}`: revoke an user key.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::Api;
use crate::extract::{Asked, Authorized, Keys, Named, Nothing};
use crate::problem::{Code, Problem};

/// Revoke an user key
///
/// From now on its tokens bind no device. Devices that they have bound stay as they are. Revoking twice changes nothing more.
#[utoipa::path(
    delete,
    path = "/v1/user-keys/{id}",
    tag = "user keys",
    operation_id = "revoke_user_key",
    params(("id" = String, Path, description = "The key's id: the `kid` of its tokens")),
    responses((status = 204, description = "Revoked"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Authorized<Keys>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let is_revoked = api.core.auth.revoke_user_key(&id).await?;
    if !is_revoked && !api.core.auth.user_keys().await?.iter().any(|key| key.id == id) {
        return Err(Problem::new(Code::NotFound, "there is no such user key").with_hint("GET /v1/user-keys lists them"));
    }
    caller.note("a user key was revoked", &id);
    Ok(StatusCode::NO_CONTENT)
}
