//! `DELETE /v1/keys/{id}`: revoke an API key.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::auth_manager::AuthError;
use longwire_model::Scope;

use crate::Api;
use crate::extract::{Asked, Authorized, Keys, Named, Nothing};
use crate::problem::{Code, Problem};

/// Revoke an API key
///
/// It is refused from now on. Revoking twice changes nothing more. Only a key with the scope `admin` may revoke one that has it.
#[utoipa::path(
    delete,
    path = "/v1/keys/{id}",
    tag = "keys",
    operation_id = "revoke_key",
    params(("id" = String, Path, description = "The key's id: the middle part of `lw_<id>_<secret>`")),
    responses((status = 204, description = "Revoked"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Authorized<Keys>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let keys = api.core.auth.keys().await?;
    let unknown = || {
        Problem::new(Code::NotFound, "there is no such API key")
            .with_hint("the id is the middle part of lw_<id>_<secret>; GET /v1/keys lists them")
    };
    let key = keys.iter().find(|key| key.id == id).ok_or_else(unknown)?;
    if key.allows(Scope::Admin) && !caller.allows(Scope::Admin) {
        return Err(AuthError::Forbidden(Scope::Admin).into());
    }
    api.core.auth.revoke_key(&id).await?;
    caller.note("an API key was revoked", &id);
    Ok(StatusCode::NO_CONTENT)
}
