//! The HTTP side of an original androidpn server, for the scripts that call it. See docs/androidpn.md for what each answer means.

mod access;
mod answer;
mod audience;
mod body;
mod broadcast;
mod form;
mod import;
mod multipart;
mod pages;
mod send;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::Api;

/// What is told at start of the original's HTTP side.
#[derive(Clone, Debug, Default)]
pub struct AndroidpnConfig {
    /// Addresses from which no credentials are asked for.
    pub trusted: Vec<IpAddr>,
}

/// The routes. The operator's import is there without the rest too, since a command beside no server uses it.
pub(crate) fn routes(is_enabled: bool) -> Router<Arc<Api>> {
    let routes = Router::new()
        .route("/operator/androidpn-accounts", post(import::carry_out))
        .route("/operator/androidpn-accounts/dry-run", post(import::dry_run));
    if !is_enabled {
        return routes;
    }
    // The original stands at the root, or under the name that a servlet container gives it.
    let mut routes = routes.route("/", get(pages::home));
    for prefix in ["", "/{prefix}"] {
        let path = |name: &str| format!("{prefix}/{name}.do");
        routes = routes
            .route(&path("index"), get(pages::home))
            .route(&path("user"), get(pages::users))
            .route(&path("session"), get(pages::sessions))
            .route(&path("notification"), get(send::notification).post(send::notification))
            .route(&path("notification_api"), get(send::notification_api).post(send::notification_api))
            .route(&path("user_api"), get(users::users).post(users::users));
    }
    routes
}
