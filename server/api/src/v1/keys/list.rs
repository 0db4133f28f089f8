//! `GET /v1/keys`: API keys without their secrets.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::KeyItem;
use crate::Api;
use crate::extract::{Authorized, Keys};
use crate::problem::Problem;

/// Every API key.
#[derive(Serialize, ToSchema)]
pub(crate) struct KeyList {
    /// Oldest first, revoked and expired ones too.
    items: Vec<KeyItem>,
}

/// List API keys
#[utoipa::path(
    get,
    path = "/v1/keys",
    tag = "keys",
    operation_id = "list_keys",
    responses((status = 200, body = KeyList, description = "Every key, without its secret"))
)]
pub(crate) async fn list(State(api): State<Arc<Api>>, _: Authorized<Keys>) -> Result<Json<KeyList>, Problem> {
    let items = api.core.auth.keys().await?.into_iter().map(KeyItem::from).collect();
    Ok(Json(KeyList { items }))
}
