//! `DELETE /v1/notifications/{id}`: recall a notification.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use longwire_core::notification_manager::Recalled;
use serde::Serialize;
use utoipa::ToSchema;

use super::{parse_id, unknown};
use crate::Api;
use crate::extract::{Asked, Authorized, Named, Nothing, Send_};
use crate::problem::Problem;

/// A recalled notification.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"id": "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b", "state": "recalled"}))]
pub(crate) struct RecalledNotification {
    /// Its id.
    id: String,
    /// `recalled`.
    state: &'static str,
}

/// Recall a notification
///
/// Devices that have not shown it never will, devices that show it take it away. Recalling twice changes nothing more.
#[utoipa::path(
    delete,
    path = "/v1/notifications/{id}",
    tag = "notifications",
    operation_id = "recall_notification",
    params(("id" = String, Path, description = "The notification's id")),
    responses((status = 200, body = RecalledNotification, description = "Recalled: that is on disk"))
)]
pub(crate) async fn delete(
    State(api): State<Arc<Api>>,
    _: Authorized<Send_>,
    _: Asked<Nothing>,
    Named(id): Named<String>,
) -> Result<Json<RecalledNotification>, Problem> {
    let id = parse_id(&id)?;
    match api.core.notifications.recall(id).await?.ok_or_else(unknown)? {
        Recalled::Now | Recalled::Before => Ok(Json(RecalledNotification { id: id.to_string(), state: "recalled" })),
    }
}
