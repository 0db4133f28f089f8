//! `GET /v1/notifications/{id}`: what became of a notification.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::{parse_id, unknown};
use crate::Api;
use crate::extract::{Asked, Authorized, Named, Nothing, Read};
use crate::problem::Problem;

/// Where a notification stands.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "id": "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b",
    "state": "delivered",
    "counts": {"delivered": 1, "displayed": 1},
    "audience": 2,
    "created_at": "2026-11-21T11:42:00.123Z",
    "expires_at": "2026-12-19T11:42:00.123Z"
}))]
pub(crate) struct NotificationStatus {
    /// Its id.
    id: String,
    /// Where it stands as a whole.
    state: &'static str,
    /// How many devices stand where.
    counts: BTreeMap<&'static str, u64>,
    /// How many devices are in its audience: exact for its place in the log.
    audience: u64,
    /// When it was accepted.
    #[schema(format = DateTime)]
    created_at: String,
    /// When it expires.
    #[schema(format = DateTime)]
    expires_at: String,
}

/// Where a notification stands
#[utoipa::path(
    get,
    path = "/v1/notifications/{id}",
    tag = "notifications",
    operation_id = "read_notification",
    params(("id" = String, Path, description = "The notification's id")),
    responses((status = 200, body = NotificationStatus, description = "How many devices stand where"))
)]
pub(crate) async fn get(
    State(api): State<Arc<Api>>,
    _: Authorized<Read>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<Json<NotificationStatus>, Problem> {
    let status = api.core.notifications.status(parse_id(&id)?).await?.ok_or_else(unknown)?;
    Ok(Json(NotificationStatus {
        id: status.id.to_string(),
        state: status.state.as_str(),
        counts: status.counts.iter().map(|(state, count)| (state.as_str(), *count)).collect(),
        audience: status.audience,
        created_at: status.created_at.to_string(),
        expires_at: status.expires_at.to_string(),
    }))
}
