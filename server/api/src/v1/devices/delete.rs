//! `DELETE /v1/devices/{id}`: remove a device.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;

use super::unknown;
use crate::Api;
use crate::extract::{Asked, Authorized, Devices, Named, Nothing};
use crate::problem::Problem;

/// Remove a device
///
/// Nothing is sent to it any more once this is answered, its session ends, and what was known of it is gone. Its account stays: while
/// that can log in, the same phone can come back, as a new device that belongs to no user.
#[utoipa::path(
    delete,
    path = "/v1/devices/{id}",
    tag = "devices",
    operation_id = "remove_device",
    params(("id" = String, Path, description = "The device's id")),
    responses((status = 204, description = "Removed"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    caller: Authorized<Devices>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<StatusCode, Problem> {
    let device = id.parse().map_err(|_| unknown())?;
    if !api.core.remove_device(device).await? {
        return Err(unknown());
    }
    caller.note("a device was removed", &id);
    Ok(StatusCode::NO_CONTENT)
}
