//! `PUT` and `DELETE /v1/devices/{id}/user`: whose device it is.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::devices::Change;
use serde::Deserialize;
use utoipa::ToSchema;

use super::{change, key};
use crate::Api;
use crate::extract::{Asked, Authorized, Devices, Named, Nothing, RawBody};
use crate::fields::{Fields, missing};
use crate::json;
use crate::problem::Problem;

/// Whom a device belongs to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"user": "alice"}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct UserBody {
    /// The id that the app's back-end has for the user: 1 to 256 bytes without white space.
    #[schema(min_length = 1, max_length = 256)]
    user: String,
}

/// Bind a device to a user
///
/// What was pending for a former user of the device is not sent to it any more once this is answered.
#[utoipa::path(
    put,
    path = "/v1/devices/{id}/user",
    tag = "devices",
    operation_id = "bind_user",
    params(("id" = String, Path, description = "The device's id")),
    request_body = UserBody,
    responses((status = 204, description = "The device belongs to the user"))
)]
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    _: Authorized<Devices>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
    RawBody(bytes): RawBody,
) -> Result<StatusCode, Problem> {
    let mut fields = Fields::of(json::parse(&bytes)?, &["user"])?;
    let user = fields.text("user")?.ok_or_else(|| missing("user"))?;
    change(&api, &id, Change::User(Some(key("user", &user)?))).await
}

/// Unbind a device from its user
///
/// What was pending for the user is not sent to the device any more once this is answered.
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}/user",
    tag = "devices",
    operation_id = "unbind_user",
    params(("id" = String, Path, description = "The device's id")),
    responses((status = 204, description = "The device belongs to nobody"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    _: Authorized<Devices>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    change(&api, &id, Change::User(None)).await
}
