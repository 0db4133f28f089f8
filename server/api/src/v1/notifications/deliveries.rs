//! `GET /v1/notifications/{id}/deliveries`: what became of a notification, device by device.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use longwire_model::DeviceId;
use longwire_model::delivery::Delivery;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{parse_id, unknown};
use crate::Api;
use crate::extract::{Asked, Authorized, Named, Read, page_size};
use crate::page::{self, Times};
use crate::problem::Problem;

/// Which page.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Query {
    /// Items per page.
    #[param(nullable = false, minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// `next` of the page before.
    #[param(nullable = false)]
    cursor: Option<String>,
}

/// One notification on one device.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "device": "0f8fad5b-d9cb-469f-a165-70867728950e",
    "state": "delivered",
    "at": {"accepted": "2026-11-21T11:42:00.123Z", "sent": "2026-11-21T11:42:00.125Z", "delivered": "2026-11-21T11:42:00.181Z"},
    "cause": null
}))]
pub(crate) struct DeliveryItem {
    /// The device.
    device: String,
    /// Where it stands.
    state: &'static str,
    /// When each state on the way was reached.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    at: Times,
    /// Why it waits, or why it ended as it did.
    cause: Option<String>,
}

/// A page of deliveries.
#[derive(Serialize, ToSchema)]
pub(crate) struct DeliveryPage {
    /// In order of the devices' ids.
    items: Vec<DeliveryItem>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// What became of a notification on each device
#[utoipa::path(
    get,
    path = "/v1/notifications/{id}/deliveries",
    tag = "notifications",
    operation_id = "list_deliveries",
    params(("id" = String, Path, description = "The notification's id"), Query),
    responses((status = 200, body = DeliveryPage, description = "A page of deliveries"))
)]
pub(crate) async fn deliveries(
    State(api): State<Arc<Api>>,
    _: Authorized<Read>,
    Named(id): Named<String>,
    Asked(query): Asked<Query>,
) -> Result<Json<DeliveryPage>, Problem> {
    let id = parse_id(&id)?;
    let list = format!("deliveries {id}");
    let limit = page_size(query.limit)?;
    let after = query.cursor.as_deref().map(|cursor| page::device_after(&list, cursor)).transpose()?;
    let found = api.core.notifications.deliveries(id, after, limit.saturating_add(1)).await?.ok_or_else(unknown)?;
    let (found, next) = page::cut(found, limit, &list, |(device, _)| device.as_bytes().to_vec());
    Ok(Json(DeliveryPage { items: found.into_iter().map(item).collect(), next }))
}

fn item((device, delivery): (DeviceId, Delivery)) -> DeliveryItem {
    DeliveryItem {
        device: device.to_string(),
        state: delivery.state.as_str(),
        at: Times(delivery.at),
        cause: delivery.cause,
    }
}
