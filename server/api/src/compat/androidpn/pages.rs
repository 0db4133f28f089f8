//! The pages of the original's console, as far as scripts and people still come by: each says where to find what it was for.

use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use axum::response::{IntoResponse as _, Response};
use longwire_core::notification_manager::Accepted;

/// The parameter with which the form of the page asks for a page as the answer.
pub(super) const ANSWER: &str = "longwire_page";

/// No scripts, no frames, and forms to here alone.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";

pub(super) async fn home() -> Response {
    page("Home", include_str!("pages/home.html"))
}

pub(super) async fn users() -> Response {
    page("Users", include_str!("pages/users.html"))
}

pub(super) async fn sessions() -> Response {
    page("Sessions", include_str!("pages/sessions.html"))
}

pub(super) fn notifications() -> Response {
    page("Notifications", include_str!("pages/notifications.html"))
}

pub(super) fn sent(accepted: &Accepted) -> Response {
    let content = include_str!("pages/sent.html")
        .replace("{id}", &accepted.id.to_string())
        .replace("{audience}", &accepted.audience.to_string());
    page("Sent", &content)
}

fn page(title: &str, content: &str) -> Response {
    let body = include_str!("pages/page.html").replace("{title}", title).replace("{content}", content);
    let headers = [
        (CONTENT_TYPE, "text/html;charset=UTF-8"),
        (CONTENT_LANGUAGE, "en"),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_FRAME_OPTIONS, "DENY"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, body).into_response()
}
