//! `DELETE /v1/accounts/{name}`: remove an account.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::auth_manager::RemovedBy;
use longwire_core::devices::prepared;

use crate::Api;
use crate::extract::{Admin, Asked, Authorized, Named, Nothing};
use crate::problem::{Code, Problem};

/// Remove an account
///
/// Its sessions end, and its devices go with it. A device with an installation secret stays, with an empty `account`, until it comes
/// back with a new account and proves the secret: its id, user, topics and tags survive, so it goes on getting what they are sent. One
/// that does not come back within 28 days is removed; to be rid of one at once, as of a stolen phone, unbind its user and remove the
/// device.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{name}",
    tag = "accounts",
    operation_id = "remove_account",
    params(("name" = String, Path, description = "The name before the @")),
    responses((status = 204, description = "Removed"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Authorized<Admin>,
    _: Asked<Nothing>,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    let name = prepared(&name);
    let was_there = api.core.remove_account(&name, RemovedBy::Operator).await?;
    if !was_there {
        return Err(Problem::new(Code::NotFound, "there is no such account"));
    }
    caller.note("an account was removed", &name);
    Ok(StatusCode::NO_CONTENT)
}
