//! `POST /v1/keys`: make an API key.

use std::str::FromStr as _;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use longwire_core::auth_manager::{AuthError, NewKey};
use longwire_model::{Scope, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{KeyItem, ScopeName};
use crate::Api;
use crate::extract::{Asked, Authorized, Keys, Nothing, RawBody};
use crate::fields::{Fields, text};
use crate::json::{self, Json as Value};
use crate::problem::Problem;

const FIELDS: &[&str] = &["scopes", "label", "expires_in"];
/// Seconds that a key may be good for: a century.
const EXPIRES_IN_MAX: u64 = 100 * 365 * 24 * 60 * 60;

/// An API key to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"scopes": ["send"], "label": "backend", "expires_in": 7_776_000}))]
#[expect(
    dead_code,
    reason = "the shape for the OpenAPI document; requests are read field by field to name what is wrong"
)]
pub(crate) struct NewKeyBody {
    /// What it may do. Only a key with the scope `admin` may give that scope.
    #[schema(min_items = 1, max_items = 5)]
    scopes: Vec<ScopeName>,
    /// A name for it.
    #[schema(nullable = false, max_length = 100)]
    label: Option<String>,
    /// Seconds for which it is good; for ever if not given.
    #[schema(nullable = false, minimum = 1, maximum = 3_153_600_000_u64)]
    expires_in: Option<u64>,
}

/// A new API key.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "key": "lw_9f3a61c0d2b4_t0p5ecretT0p5ecretT0p5ecretT0p5e",
    "id": "9f3a61c0d2b4", "scopes": ["send"], "label": "backend",
    "created_at": "2026-11-21T11:42:00.123Z", "expires_at": "2027-02-19T11:42:00.123Z", "revoked_at": null
}))]
pub(crate) struct CreatedKey {
    /// The key itself; shown this once.
    key: String,
    #[serde(flatten)]
    item: KeyItem,
}

/// Make an API key
#[utoipa::path(
    post,
    path = "/v1/keys",
    tag = "keys",
    operation_id = "create_key",
    request_body = NewKeyBody,
    responses((status = 201, body = CreatedKey, description = "Made; the key itself is shown this once"))
)]
pub(crate) async fn post(
    State(api): State<Arc<Api>>,
    caller: Authorized<Keys>,
    _: Asked<Nothing>,
    RawBody(bytes): RawBody,
) -> Result<(StatusCode, Json<CreatedKey>), Problem> {
    let new = read(json::parse(&bytes)?, api.core.env.now())?;
    if new.scopes.contains(&Scope::Admin) && !caller.allows(Scope::Admin) {
        return Err(AuthError::Forbidden(Scope::Admin).into());
    }
    let (item, key) = api.core.auth.create_key(new).await?;
    caller.note("an API key was made", &item.id);
    Ok((StatusCode::CREATED, Json(CreatedKey { key, item: item.into() })))
}

fn read(body: Value, now: Timestamp) -> Result<NewKey, Problem> {
    let mut fields = Fields::of(body, FIELDS)?;
    let scopes = scopes(fields.required("scopes")?)?;
    let label = fields.label()?;
    let expires_at = match fields.count("expires_in")? {
        None => None,
        Some(seconds @ 1..=EXPIRES_IN_MAX) => {
            Some(now.plus_millis(i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX)))
        }
        Some(_) => return Err(Problem::invalid("expires_in", format!("use seconds from 1 to {EXPIRES_IN_MAX}"))),
    };
    Ok(NewKey { scopes, label, expires_at })
}

fn scopes(value: Value) -> Result<Vec<Scope>, Problem> {
    let Value::List(items) = value else {
        return Err(Problem::invalid("scopes", format!("{} where a list is needed", value.kind())));
    };
    let mut scopes = Vec::new();
    for (index, item) in items.into_iter().enumerate() {
        let field = format!("scopes[{index}]");
        let name = text(&field, item)?;
        scopes.push(Scope::from_str(&name).map_err(|error| Problem::invalid(field, error.to_string()))?);
    }
    scopes.sort_unstable();
    scopes.dedup();
    if scopes.is_empty() {
        return Err(Problem::invalid("scopes", "a key needs at least one scope"));
    }
    Ok(scopes)
}
