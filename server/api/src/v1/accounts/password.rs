//! `POST /v1/accounts/{name}/password`: give an account another password.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use longwire_core::devices::prepared;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Api;
use crate::extract::{Admin, Asked, Authorized, Named, Nothing, RawBody};
use crate::fields::Fields;
use crate::json;
use crate::problem::Problem;

const FIELDS: &[&str] = &["password"];

/// Another password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct NewPassword {
    /// The password; one is made if none is given.
    #[schema(nullable = false, min_length = 1, max_length = 1023)]
    password: Option<String>,
}

/// An account whose password was changed.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"name": "alice", "password": "kq2VbV5yI3mC0s7lXo1pRw3n"}))]
pub(crate) struct ChangedPassword {
    /// The name before the @.
    name: String,
    /// The password that was made; absent when it was given. Shown this once.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    password: Option<String>,
}

/// Give an account another password
///
/// The sessions that were made with the former one end at once, and its FAST tokens with them. A client that keeps its password to itself, as
/// phones and original androidpn clients do, cannot learn the new one: it registers another account. To keep somebody out, disable the
/// account.
#[utoipa::path(
    post,
    path = "/v1/accounts/{name}/password",
    tag = "accounts",
    operation_id = "change_password",
    params(("name" = String, Path, description = "The name before the @")),
    request_body = NewPassword,
    responses((status = 200, body = ChangedPassword, description = "Changed; a password that was made is shown this once"))
)]
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Authorized<Admin>,
    _: Asked<Nothing>,
    Named(name): Named<String>,
    RawBody(bytes): RawBody,
) -> Result<Json<ChangedPassword>, Problem> {
    let mut fields = Fields::of(json::parse(&bytes)?, FIELDS)?;
    let given = fields.text("password")?;
    let name = prepared(&name);
    let password = api.core.set_password(&name, given.as_deref(), None).await?;
    caller.note("an account was given another password", &name);
    Ok(Json(ChangedPassword { name, password: Some(password).filter(|_| given.is_none()) }))
}
