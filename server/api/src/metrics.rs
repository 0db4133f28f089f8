//! `/metrics`: counters for Prometheus.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::response::IntoResponse;

use crate::Api;
use crate::extract::{Asked, Authorized, Nothing, Read};
use crate::problem::{Code, Problem};

/// What [`longwire_core::Metrics::encode`] writes, for whoever asks for it; it is valid as the older text as well.
const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The line that ends the text.
const END: &str = "# EOF\n";
const BUILD: &str = concat!(
    "# HELP longwire_build_info The program that runs\n# TYPE longwire_build_info gauge\nlongwire_build_info{version=\"",
    env!("CARGO_PKG_VERSION"),
    "\"} 1\n"
);

/// Counters for Prometheus
///
/// Needs no API key while HTTP listens on loopback, unless the server is told otherwise; else one with the scope `read`.
#[utoipa::path(
    get,
    path = "/metrics",
    tag = "operation",
    operation_id = "read_metrics",
    security((), ("bearer" = [])),
    responses((status = 200, body = String, content_type = "text/plain", description = "Prometheus text, or OpenMetrics where `Accept` asks for it"))
)]
pub(crate) async fn metrics(
    State(api): State<Arc<Api>>,
    _: Asked<Nothing>,
    request: Request,
) -> Result<impl IntoResponse, Problem> {
    let mut accepted = request.headers().get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let is_openmetrics = accepted.any(|value| value.contains("application/openmetrics-text"));
    if api.config.metrics_need_key {
        let (mut parts, _) = request.into_parts();
        Authorized::<Read>::from_request_parts(&mut parts, &api).await?;
    }
    let mut text =
        api.core.metrics.encode().map_err(|_| Problem::new(Code::Internal, "the counters cannot be written"))?;
    if text.ends_with(END) {
        text.truncate(text.len() - END.len());
    }
    text.push_str(BUILD);
    text.push_str(END);
    Ok(([(CONTENT_TYPE, if is_openmetrics { OPENMETRICS } else { TEXT })], text))
}
