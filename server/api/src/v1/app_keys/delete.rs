//! `DELETE /v1/app-keys/{id}`: revoke an app key.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use crate::Api;
use crate::extract::{Asked, Authorized, Keys, Named, Nothing};
use crate::problem::{Code, Problem};

/// Revoke an app key
///
/// From now on it admits no registration. Devices that it admitted stay as they are: GET /v1/accounts says which
/// accounts they are of, and PATCH /v1/accounts/{name} disables one. Revoking twice changes nothing more.
#[utoipa::path(
    delete,
    path = "/v1/app-keys/{id}",
    tag = "app keys",
    operation_id = "revoke_app_key",
    params(("id" = String, Path, description = "The key's id: the middle part of `lwa_<id>_<secret>`")),
    responses((status = 204, description = "Revoked"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Authorized<Keys>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let is_revoked = api.core.auth.revoke_app_key(&id).await?;
    if !is_revoked && !api.core.auth.app_keys().await?.iter().any(|key| key.id == id) {
        return Err(Problem::new(Code::NotFound, "there is no such app key")
            .with_hint("the id is the middle part of lwa_<id>_<secret>; GET /v1/app-keys lists them"));
    }
    caller.note("an app key was revoked", &id);
    Ok(StatusCode::NO_CONTENT)
}
