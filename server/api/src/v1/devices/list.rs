//! `GET /v1/devices`: devices, page by page.

use std::str::FromStr as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use longwire_model::AudienceKey;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{DeviceItem, item};
use crate::Api;
use crate::extract::{Asked, Authorized, Read, page_size};
use crate::page;
use crate::problem::{Code, Problem};

/// Which devices, and which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Only the devices of this audience, such as `user:alice`, `topic:news` or `tag:beta`.
    #[param(nullable = false, example = "user:alice")]
    to: Option<String>,
    /// Items per page.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// A page of devices.
#[derive(Serialize, ToSchema)]
pub(crate) struct DevicePage {
    /// In order of their ids.
    items: Vec<DeviceItem>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// List devices
#[utoipa::path(
    get,
    path = "/v1/devices",
    tag = "devices",
    operation_id = "list_devices",
    params(Query),
    responses((status = 200, body = DevicePage, description = "A page of devices"))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: Authorized<Read>,
    Asked(query): Asked<Query>,
) -> Result<Json<DevicePage>, Problem> {
    let limit = page_size(query.limit)?;
    let key = query.to.as_deref().map(AudienceKey::from_str).transpose();
    let key = key.map_err(|error| Problem::new(Code::Unreadable, error.to_string()).with_field("to"))?;
    let list = format!("devices {}", key.as_ref().map_or("", AudienceKey::as_str));
    let after = query.cursor.as_deref().map(|cursor| page::device_after(&list, cursor)).transpose()?;
    let found = api.core.devices(key, after, limit.saturating_add(1)).await?;
    let (found, next) = page::cut(found, limit, &list, |device| device.id.as_bytes().to_vec());
    Ok(Json(DevicePage { items: found.iter().map(|device| item(&api, device)).collect(), next }))
}
