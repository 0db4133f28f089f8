//! `GET /v1/devices/{id}`: one device.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;

use super::{DeviceItem, item, unknown};
use crate::Api;
use crate::extract::{Asked, Authorized, Named, Nothing, Read};
use crate::problem::Problem;

/// One device
#[utoipa::path(
    get,
    path = "/v1/devices/{id}",
    tag = "devices",
    operation_id = "read_device",
    params(("id" = String, Path, description = "The device's id")),
    responses((status = 200, body = DeviceItem, description = "What is known of it"))
)]
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    _: Authorized<Read>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<Json<DeviceItem>, Problem> {
    let id = id.parse().map_err(|_| unknown())?;
    let device = api.core.device(id).await?.ok_or_else(unknown)?;
    Ok(Json(item(&api, &device)))
}
