//! `/healthz` and `/readyz`: for whoever watches the process, or sends it traffic.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::extract::{Asked, Nothing};
use crate::problem::{Code, Problem};

/// How long the store may take to be ready for a write.
const WRITE_WAIT: Duration = Duration::from_secs(2);

/// It is well.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"status": "ok"}))]
pub(crate) struct Health {
    /// `ok`.
    status: &'static str,
}

/// Whether the process runs
#[utoipa::path(
    get,
    path = "/healthz",
    tag = "operation",
    operation_id = "is_alive",
    security(()),
    responses((status = 200, body = Health, description = "It runs"))
)]
pub(crate) async fn healthz(_: Asked<Nothing>) -> Json<Health> {
    Json(Health { status: "ok" })
}

/// Whether it accepts notifications
#[utoipa::path(
    get,
    path = "/readyz",
    tag = "operation",
    operation_id = "is_ready",
    security(()),
    responses(
        (status = 200, body = Health, description = "It does"),
        (status = 503, description = "It does not: it is stopping, or the store cannot write"),
    )
)]
pub(crate) async fn readyz(State(api): State<Arc<Api>>, _: Asked<Nothing>) -> Result<Json<Health>, Problem> {
    if api.is_draining() {
        return Err(Problem::new(Code::Unavailable, "the server is stopping"));
    }
    if api.core.failure().is_some() {
        return Err(Problem::new(Code::Unavailable, "the store has failed and the server is about to stop"));
    }
    // Takes the store's write lock and changes nothing, since no key has this id.
    match tokio::time::timeout(WRITE_WAIT, api.core.auth.revoke_key("readyz")).await {
        Ok(written) => written?,
        Err(_) => return Err(Problem::new(Code::Unavailable, "the store does not come to write")),
    };
    Ok(Json(Health { status: "ok" }))
}
