//! `PATCH /v1/accounts/{name}`: disable or enable an account.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::devices::prepared;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Api;
use crate::extract::{Admin, Asked, Authorized, Named, Nothing, RawBody};
use crate::fields::Fields;
use crate::json::{self, Json};
use crate::problem::Problem;

const FIELDS: &[&str] = &["disabled"];

/// What changes of an account.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"disabled": true}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct AccountPatch {
    /// Whether it is kept from logging in.
    disabled: bool,
}

/// Disable or enable an account
///
/// A disabled account cannot log in, and its sessions end at once. Its devices stay, and what is sent to them waits until it is enabled or
/// expires. Those of original androidpn clients too.
#[utoipa::path(
    patch,
    path = "/v1/accounts/{name}",
    tag = "accounts",
    operation_id = "change_account",
    params(("name" = String, Path, description = "The name before the @")),
    request_body = AccountPatch,
    responses((status = 204, description = "Changed"))
)]
pub(crate) async fn patch(
    State(api): State<Arc<Api>>,
    caller: Authorized<Admin>,
    _: Asked<Nothing>,
    Named(name): Named<String>,
    RawBody(bytes): RawBody,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::of(json::parse(&bytes)?, FIELDS)?;
    let is_disabled = match fields.required("disabled")? {
        Json::Bool(is_disabled) => is_disabled,
        value @ (Json::Null | Json::Number(_) | Json::Text(_) | Json::List(_) | Json::Object(_)) => {
            return Err(Problem::invalid("disabled", format!("{} where true or false is needed", value.kind())));
        }
    };
    let name = prepared(&name);
    api.core.set_disabled(&name, is_disabled).await?;
    caller.note(if is_disabled { "an account was disabled" } else { "an account was enabled" }, &name);
    Ok(StatusCode::NO_CONTENT)
}
