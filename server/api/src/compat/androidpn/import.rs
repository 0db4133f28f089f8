//! Takes over accounts of an original server, for the operator's command alone: the requests hold passwords.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequestParts, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use longwire_core::androidpn::{Imported, NewAccount};
use longwire_model::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Api;
use crate::extract::{Operator, read_body};
use crate::problem::{Code, Problem};

/// Bytes of a batch: some thousand accounts, of which each would have to wait for the disk in a batch of its own.
const BATCH_BYTES_MAX: usize = 1024 * 1024;

/// Accounts to be taken over.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Batch {
    accounts: Vec<Item>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Item {
    name: String,
    password: String,
    email: Option<String>,
    full_name: Option<String>,
    created_at: Option<Timestamp>,
}

/// What became of each, in the batch's order.
#[derive(Debug, Serialize)]
pub(super) struct Outcomes {
    outcomes: Vec<&'static str>,
}

/// The request came by the operator's own road; for everybody else the path is none.
pub(super) struct ByOperator;

impl FromRequestParts<Arc<Api>> for ByOperator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Api>) -> Result<Self, Problem> {
        let is_operator = parts.extensions.get::<Operator>().is_some();
        is_operator.then_some(Self).ok_or_else(|| Problem::of_status(StatusCode::NOT_FOUND))
    }
}

/// Takes them.
pub(super) async fn carry_out(
    State(api): State<Arc<Api>>,
    _: ByOperator,
    request: Request,
) -> Result<Json<Outcomes>, Problem> {
    import(&api, &read_body(request, BATCH_BYTES_MAX).await?, false).await
}

/// Says what would become of them.
pub(super) async fn dry_run(
    State(api): State<Arc<Api>>,
    _: ByOperator,
    request: Request,
) -> Result<Json<Outcomes>, Problem> {
    import(&api, &read_body(request, BATCH_BYTES_MAX).await?, true).await
}

async fn import(api: &Api, bytes: &[u8], is_dry_run: bool) -> Result<Json<Outcomes>, Problem> {
    if api.core.config.androidpn.is_none() {
        let detail = "the server runs without --androidpn: start it with that, or import while no server runs";
        return Err(Problem::new(Code::Unavailable, detail));
    }
    let batch: Batch = serde_json::from_slice(bytes).map_err(|error| {
        // The position alone: what stands there may be a password.
        Problem::new(Code::NotJson, format!("the batch cannot be read at column {}", error.column()))
    })?;
    let users = batch.accounts.into_iter().map(|item| NewAccount {
        name: item.name,
        password: item.password,
        email: item.email,
        full_name: item.full_name,
        created_at: item.created_at,
    });
    let outcomes = api.core.import_androidpn(users.collect(), is_dry_run).await?;
    Ok(Json(Outcomes { outcomes: outcomes.into_iter().map(Imported::as_str).collect() }))
}
