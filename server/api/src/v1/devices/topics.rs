//! `PUT` and `DELETE /v1/devices/{id}/topics/{topic}`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::devices::Change;

use super::{change, key};
use crate::Api;
use crate::extract::{Asked, Authorized, Devices, Named, Nothing};
use crate::problem::Problem;

/// Let a device join a topic
#[utoipa::path(
    put,
    path = "/v1/devices/{id}/topics/{*topic}",
    tag = "devices",
    operation_id = "join_topic",
    params(
        ("id" = String, Path, description = "The device's id"),
        ("topic" = String, Path, description = "1 to 256 bytes without white space; may hold slashes"),
    ),
    responses(
        (status = 204, description = "The device has joined the topic"),
        (status = 409, description = "The device holds as many topics and tags as it may"),
    )
)]
pub(crate) async fn put(
    State(api): State<Arc<Api>>,
    _: Authorized<Devices>,
    _: Asked<Nothing>,
    Named((id, name)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    change(&api, &id, Change::Join(key("topic", &name)?)).await
}

/// Let a device leave a topic
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}/topics/{*topic}",
    tag = "devices",
    operation_id = "leave_topic",
    params(
        ("id" = String, Path, description = "The device's id"),
        ("topic" = String, Path, description = "1 to 256 bytes without white space; may hold slashes"),
    ),
    responses((status = 204, description = "The device is not in the topic"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    _: Authorized<Devices>,
    _: Asked<Nothing>,
    Named((id, name)): Named<(String, String)>,
) -> Result<StatusCode, Problem> {
    change(&api, &id, Change::Leave(key("topic", &name)?)).await
}
