//! The HTTP side of an original androidpn server, for the scripts that call it. See docs/androidpn.md for what each answer means.

mod access;
mod answer;
mod audience;
mod beside;
mod body;
mod broadcast;
mod caller;
mod form;
mod import;
mod multipart;
mod pages;
pub(crate) mod refused;
mod send;
mod users;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};

use crate::Api;
use crate::problem::Problem;

/// The names that the original's archive gives it in a servlet container. Its scripts may stand under any other; its front page cannot.
const ARCHIVES: [&str; 2] = ["Androidpn", "androidpn"];

/// What is told at start of the original's HTTP side.
#[derive(Clone, Debug, Default)]
pub struct AndroidpnConfig {
    /// Addresses from which no credentials are asked for.
    pub trusted: Vec<IpAddr>,
}

/// The routes. The operator's import is there without the rest too, since a command beside no server uses it.
pub(crate) fn routes(is_enabled: bool) -> Router<Arc<Api>> {
    // For everybody else these paths are none, whatever the method.
    let routes = Router::new()
        .route("/operator/androidpn-accounts", post(import::carry_out).fallback(nothing))
        .route("/operator/androidpn-accounts/dry-run", post(import::dry_run).fallback(nothing));
    if !is_enabled {
        return routes;
    }
    // The original stands at the root, or under the name that a servlet container gives it.
    let mut routes = routes.route("/", get(pages::home));
    for archive in ARCHIVES {
        routes =
            routes.route(&format!("/{archive}"), get(pages::home)).route(&format!("/{archive}/"), get(pages::home));
    }
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

async fn nothing() -> Problem {
    Problem::of_status(StatusCode::NOT_FOUND)
}

/// What is said of a path that nothing is served at; none where the paths of the API are what is meant.
pub(crate) fn hint(path: &str, is_enabled: bool) -> Option<&'static str> {
    let is_own = path.ends_with(".do");
    is_own.then_some(if is_enabled {
        "of an original androidpn server there are notification.do, notification_api.do and user_api.do, and the pages index.do, \
         user.do and session.do: at the root or under one segment"
    } else {
        "what an original androidpn server served is there when the server is started with --androidpn"
    })
}
