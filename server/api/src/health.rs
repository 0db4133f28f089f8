//! `/healthz` and `/readyz`: for whoever watches the process, or sends it traffic.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Api;
use crate::extract::{Asked, Nothing};
use crate::gate::{sheds, short};
use crate::problem::{Code, Problem};

/// How long the store may take to write.
const WRITE_WAIT: Duration = Duration::from_secs(2);
/// Milliseconds for which what was found of the store is told again: whoever asks, it writes no more than once a second.
const FOUND_MS: u64 = 1_000;
/// What the store was found to be, and when (monotonic ms).
pub(crate) type Found = tokio::sync::Mutex<Option<(u64, Option<Problem>)>>;

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
        (status = 503, description = "It does not: it is stopping, memory is short, or the store cannot write"),
    )
)]
pub(crate) async fn readyz(State(api): State<Arc<Api>>, _: Asked<Nothing>) -> Result<Json<Health>, Problem> {
    if api.is_draining() {
        return Err(Problem::new(Code::Unavailable, "the server is stopping"));
    }
    if api.core.failure().is_some() {
        return Err(Problem::new(Code::Unavailable, "the store has failed and the server is about to stop"));
    }
    if sheds(api.core.pressure.level()) {
        return Err(short());
    }
    match trouble(&api).await {
        Some(problem) => Err(problem),
        None => Ok(Json(Health { status: "ok" })),
    }
}

/// What keeps the store from writing, if anything does: it is made to write.
async fn trouble(api: &Api) -> Option<Problem> {
    let mut found = api.found.lock().await;
    let now_ms = api.core.env.clock.mono_ms();
    if let Some((at_ms, problem)) = &*found
        && now_ms.saturating_sub(*at_ms) < FOUND_MS
    {
        return problem.clone();
    }
    let problem = match tokio::time::timeout(WRITE_WAIT, api.core.probe()).await {
        Ok(written) => written.err().map(Problem::from),
        Err(_) => Some(Problem::new(Code::Unavailable, "the store does not come to write")),
    };
    *found = Some((now_ms, problem.clone()));
    problem
}
