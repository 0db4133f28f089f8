//! `POST /v1/app-keys`: make an app key.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::AppKeyItem;
use crate::Api;
use crate::extract::{Asked, Authorized, Keys, Nothing, RawBody};
use crate::fields::Fields;
use crate::json::{self, Json as Value};
use crate::problem::Problem;

/// An app key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"label": "android"}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct NewAppKeyBody {
    /// A name for it.
    #[schema(nullable = false, max_length = 100)]
    label: Option<String>,
}

/// A new app key.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "key": "lwa_4be07d19a2c5_5hippedW1thTheApp5hippedW1thThe",
    "id": "4be07d19a2c5", "label": "android", "created_at": "2026-11-21T11:42:00.123Z", "revoked_at": null,
    "registrations": 0, "last_used_at": null
}))]
pub(crate) struct CreatedAppKey {
    /// The key itself; shown this once.
    key: String,
    #[serde(flatten)]
    item: AppKeyItem,
}

/// Make an app key
///
/// It ships inside an app and admits the registration of its devices, nothing else. A request without a body makes one without a
/// label.
#[utoipa::path(
    post,
    path = "/v1/app-keys",
    tag = "app keys",
    operation_id = "create_app_key",
    request_body = Option<NewAppKeyBody>,
    responses((status = 201, body = CreatedAppKey, description = "Made; the key itself is shown this once"))
)]
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Authorized<Keys>,
    _: Asked<Nothing>,
    RawBody(bytes): RawBody,
) -> Result<(StatusCode, Json<CreatedAppKey>), Problem> {
    let body = if bytes.is_empty() { Value::Object(Vec::new()) } else { json::parse(&bytes)? };
    let label = Fields::of(body, &["label"])?.label()?;
    let (item, key) = api.core.auth.create_app_key(label).await?;
    caller.note("an app key was made", &item.id);
    Ok((StatusCode::CREATED, Json(CreatedAppKey { key, item: item.into() })))
}
