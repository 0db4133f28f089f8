//! `/metrics`: counters for Prometheus.

use std::sync::Arc;

use axum::extract::{FromRequestParts as _, Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

use crate::Api;
use crate::extract::{Authorized, Read};
use crate::problem::{Code, Problem};

/// What [`longwire_core::Metrics::encode`] writes.
const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The line that ends the text.
const END: &str = "# EOF\n";
const BUILD: &str = concat!(
    "# HELP longwire_build The program that runs\n# TYPE longwire_build info\nlongwire_build_info{version=\"",
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
    responses((status = 200, body = String, content_type = "application/openmetrics-text", description = "OpenMetrics text"))
)]
pub(crate) async fn metrics(State(api): State<Arc<Api>>, request: Request) -> Result<impl IntoResponse, Problem> {
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
    Ok(([(CONTENT_TYPE, MEDIA_TYPE)], text))
}
