//! `GET /v1/user-keys`: user keys, oldest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use longwire_model::UserKey;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::UserKeyItem;
use crate::Api;
use crate::extract::{Asked, Authorized, Keys, page_size};
use crate::problem::Problem;
use crate::{cursor, page};

const LIST: &str = "user keys";

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

/// A page of user keys.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserKeyPage {
    /// Oldest first, revoked ones too.
    items: Vec<UserKeyItem>,
    /// The cursor of the next page; null on the last.
    next: Option<String>,
}

/// List user keys
#[utoipa::path(
    get,
    path = "/v1/user-keys",
    tag = "user keys",
    operation_id = "list_user_keys",
    params(Query),
    responses((status = 200, body = UserKeyPage, description = "A page of user keys"))
)]
pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    _: Authorized<Keys>,
    Asked(query): Asked<Query>,
) -> Result<Json<UserKeyPage>, Problem> {
    let limit = page_size(query.limit)?;
    let after = query.cursor.as_deref().map(|cursor| cursor::decode(LIST, cursor)).transpose()?;
    let mut keys = api.core.auth.user_keys().await?;
    keys.sort_by_cached_key(place);
    if let Some(after) = after {
        keys.retain(|key| place(key) > after);
    }
    let (keys, next) = page::cut(keys, limit, LIST, place);
    Ok(Json(UserKeyPage { items: keys.into_iter().map(UserKeyItem::from).collect(), next }))
}

/// Where a key stands in the list, in bytes that sort as the list does: times are never before 1970.
fn place(key: &UserKey) -> Vec<u8> {
    [&key.created_at.as_millis().to_be_bytes()[..], key.id.as_bytes()].concat()
}
