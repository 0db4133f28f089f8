//! The pages of the original's console, as far as scripts and people still come by: each says where to find what it was for.

use axum::http::header::{CACHE_CONTROL, CONTENT_LANGUAGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_FRAME_OPTIONS};
use axum::response::{IntoResponse as _, Response};

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

pub(super) fn sent(id: &str, audience: u64) -> Response {
    let devices = if audience == 1 { "device" } else { "devices" };
    let content = include_str!("pages/sent.html")
        .replace("{id}", &escape(id))
        .replace("{audience}", &format!("{audience} {devices}"));
    page("Sent", &content)
}

pub(super) fn refused(detail: &str, hint: Option<&str>) -> Response {
    let content = include_str!("pages/refused.html")
        .replace("{hint}", &escape(hint.unwrap_or_default()))
        .replace("{detail}", &escape(detail));
    page("Not sent", &content)
}

/// A text that holds no markup.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            // Nothing of a text is taken for a place to fill in.
            '{' => escaped.push_str("&#123;"),
            other => escaped.push(other),
        }
    }
    escaped
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

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    async fn text(page: Response) -> String {
        let body = page.into_body().collect().await.expect("a body").to_bytes();
        String::from_utf8(body.to_vec()).expect("UTF-8")
    }

    #[tokio::test]
    async fn what_a_caller_wrote_is_no_markup() {
        let page = text(refused("no user \"<img src=x>{hint}\"", Some("a & b"))).await;
        assert!(!page.contains("<img") && !page.contains("{hint}"), "{page}");
        assert!(page.contains("&lt;img src=x&gt;") && page.contains("a &amp; b"), "{page}");
    }

    #[tokio::test]
    async fn one_device_is_one() {
        assert!(text(sent("x", 1)).await.contains("for 1 device now"));
        assert!(text(sent("x", 2)).await.contains("for 2 devices now"));
    }
}
