//! The HTTP API: one collection per folder, one endpoint per file. Knows the core, and neither SQL nor XML.

#![forbid(unsafe_code)]

mod compat;
mod cursor;
mod extract;
mod fields;
mod gate;
mod health;
mod json;
mod metrics;
mod openapi;
mod page;
mod problem;
mod rate;
pub mod server;
mod v1;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use bytes::Bytes;
use longwire_core::Core;
use tokio::sync::Semaphore;
use tower::layer::layer_fn;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use problem::Problem;

pub use compat::androidpn::AndroidpnConfig;
pub use extract::{Crowded, Operator, Peer};
pub use problem::ProblemDocument;

/// What the API is told at start.
#[derive(Clone, Debug)]
pub struct ApiConfig {
    /// Requests that are worked on at the same time; above that the answer is 503.
    pub concurrency_max: usize,
    /// Requests a second of each API key, with five seconds' worth at once; above that the answer is 429.
    pub requests_per_second_max: NonZeroU32,
    /// Whether `/metrics` needs an API key.
    pub metrics_need_key: bool,
    /// What scripts of an original androidpn server call; nothing of it is served without.
    pub androidpn: Option<AndroidpnConfig>,
}

/// The API of one core.
pub struct Api {
    core: Arc<Core>,
    config: ApiConfig,
    openapi: Bytes,
    requests: Arc<Semaphore>,
    rates: longwire_core::rate::Rates<String>,
    refusals: longwire_core::rate::Rates<Option<std::net::IpAddr>>,
    request_ids: gate::RequestIds,
    put_off: gate::PutOff,
    is_draining: AtomicBool,
    found: health::Found,
}

impl Api {
    /// An API for `core`.
    #[must_use]
    pub fn new(core: Arc<Core>, config: ApiConfig) -> Arc<Self> {
        let (_, document) = routes().split_for_parts();
        let prefix = u32::from_be_bytes(core.env.random());
        Arc::new(Self {
            core,
            openapi: describe(document).into(),
            requests: Arc::new(Semaphore::new(config.concurrency_max)),
            rates: rate::of_keys(config.requests_per_second_max),
            refusals: compat::androidpn::refused::rates(),
            config,
            request_ids: gate::RequestIds::new(prefix),
            put_off: gate::PutOff::default(),
            is_draining: AtomicBool::new(false),
            found: health::Found::default(),
        })
    }

    /// From now on `/readyz` says that the server is stopping; requests are answered as before.
    pub fn drain(&self) {
        self.is_draining.store(true, Ordering::Release);
    }

    /// Waits until no request is worked on: one that changes something outlives its connection.
    pub async fn finished(&self) {
        let all = u32::try_from(self.config.concurrency_max).unwrap_or(u32::MAX);
        // The semaphore is never closed.
        drop(self.requests.acquire_many(all).await);
    }

    fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Acquire)
    }

    /// The routes, with everything that stands around them.
    pub fn router(self: &Arc<Self>) -> Router {
        let (router, _) = routes().split_for_parts();
        let api = Arc::clone(self);
        router
            .merge(compat::androidpn::routes(self.config.androidpn.is_some()))
            .fallback(nothing)
            .layer(CatchPanicLayer::custom(gate::panicked))
            .layer(layer_fn(move |inner| gate::Gate { api: Arc::clone(&api), inner }))
            .with_state(Arc::clone(self))
    }
}

/// What is answered where there is no route.
async fn nothing(State(api): State<Arc<Api>>, uri: Uri) -> Problem {
    let problem = Problem::of_status(StatusCode::NOT_FOUND);
    match compat::androidpn::hint(uri.path(), api.config.androidpn.is_some()) {
        Some(hint) => problem.with_hint(hint),
        None => problem,
    }
}

/// The OpenAPI document as pretty JSON.
fn describe(mut document: utoipa::openapi::OpenApi) -> String {
    openapi::complete(&mut document);
    // The document is made of texts and numbers, which always serialise.
    document.to_pretty_json().unwrap_or_default()
}

fn routes() -> OpenApiRouter<Arc<Api>> {
    use v1::{accounts, app_keys, devices, keys, notifications, user_keys};
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(notifications::post::post))
        .routes(routes!(notifications::get::get, notifications::patch::patch, notifications::delete::delete))
        .routes(routes!(notifications::deliveries::deliveries))
        .routes(routes!(devices::list::list))
        .routes(routes!(devices::get::get, devices::delete::delete))
        .routes(routes!(devices::user::put, devices::user::delete))
        .routes(routes!(devices::tags::put, devices::tags::delete))
        .routes(routes!(devices::topics::put, devices::topics::delete))
        .routes(routes!(keys::post::post, keys::list::list))
        .routes(routes!(keys::delete::delete))
        .routes(routes!(app_keys::post::post, app_keys::list::list))
        .routes(routes!(app_keys::delete::delete))
        .routes(routes!(user_keys::post::post, user_keys::list::list))
        .routes(routes!(user_keys::delete::delete))
        .routes(routes!(accounts::post::post, accounts::list::list))
        .routes(routes!(accounts::patch::patch, accounts::delete::delete))
        .routes(routes!(accounts::password::post))
        .routes(routes!(health::healthz))
        .routes(routes!(health::readyz))
        .routes(routes!(metrics::metrics))
        .routes(routes!(openapi::openapi))
}
