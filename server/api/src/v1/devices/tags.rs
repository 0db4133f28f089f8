//! `PUT` and `DELETE /v1/devices/{id}/tags/{tag}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::devices::Change;

use super::{change, key};
use crate::Api;
use crate::extract::{Asked, Authorized, Devices, Named, Nothing};
use crate::problem::Problem;

/// Give a device a tag
#[utoipa::path(
    put,
    path = "/v1/devices/{id}/tags/{tag}",
    tag = "devices",
    operation_id = "add_tag",
    params(
        ("id" = String, Path, description = "The device's id"),
        ("tag" = String, Path, description = "1 to 256 bytes without white space"),
    ),
    responses(
        (status = 204, description = "The device has the tag"),
        (status = 409, description = "The device holds as many topics and tags as it may"),
    )
)]
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    _: Authorized<Devices>,
    _: Asked<Nothing>,
    Named((id, name)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    change(&api, &id, Change::Join(key("tag", &name)?)).await
}

/// Take a tag from a device
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}/tags/{tag}",
    tag = "devices",
    operation_id = "remove_tag",
    params(
        ("id" = String, Path, description = "The device's id"),
        ("tag" = String, Path, description = "1 to 256 bytes without white space"),
    ),
    responses((status = 204, description = "The device does not have the tag"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    _: Authorized<Devices>,
    _: Asked<Nothing>,
    Named((id, name)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    change(&api, &id, Change::Leave(key("tag", &name)?)).await
}
