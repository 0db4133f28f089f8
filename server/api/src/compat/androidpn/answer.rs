//! The answers: those that known callers take for success, with what became of the request in their headers.

use axum::http::header::{ACCEPT, CONTENT_LANGUAGE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use longwire_core::notification_manager::Accepted;

use super::pages;
use crate::gate::OwnWords;
use crate::problem::Problem;
use crate::v1::notifications::post;

const ID: HeaderName = HeaderName::from_static("longwire-notification-id");
const AUDIENCE: HeaderName = HeaderName::from_static("longwire-audience");
const WARNING: HeaderName = HeaderName::from_static("longwire-warning");
const ERROR: HeaderName = HeaderName::from_static("longwire-error");

/// Whether the caller asks for JSON by name; `*/*` asks for nothing.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let ranges =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut media = ranges.filter_map(|range| range.split(';').next());
    media.any(|media| media.trim().eq_ignore_ascii_case("application/json"))
}

/// As the original: to the page of notifications, which answers 200 to whoever follows.
pub(super) fn redirect(page: &str, accepted: &Accepted) -> Response {
    let mut response = told(StatusCode::FOUND.into_response(), accepted);
    response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    if let Ok(page) = HeaderValue::from_str(page) {
        response.headers_mut().insert(LOCATION, page);
    }
    response
}

/// As `POST /v1/notifications`.
pub(super) fn json(accepted: &Accepted) -> Response {
    let body = post::accepted_body(accepted);
    told(post::answer(StatusCode::ACCEPTED, Some(accepted.id.to_string()), body), accepted)
}

/// As the form of our own page: a page.
pub(super) fn page(accepted: &Accepted) -> Response {
    told(pages::sent(accepted), accepted)
}

/// As `notification_api.do` of the fork that has it.
pub(super) fn api(accepted: &Accepted) -> Response {
    told(result("0", "success", StatusCode::OK), accepted)
}

/// A refusal as `notification_api.do` would write one.
pub(super) fn api_refusal(problem: &Problem) -> Response {
    let mut response = result("1", problem.detail(), problem.status());
    response.extensions_mut().insert(OwnWords);
    response
}

fn result(result: &str, description: &str, status: StatusCode) -> Response {
    // In this order and without spaces, as the fork prints it.
    let description = serde_json::Value::from(description);
    let body = format!("{{\"result\":\"{result}\",\"description\":{description}}}");
    (status, [("content-type", "application/json;charset=UTF-8")], body).into_response()
}

/// Says in headers what was accepted, for callers that look.
fn told(mut response: Response, accepted: &Accepted) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&accepted.id.to_string()) {
        headers.insert(ID, id);
    }
    headers.insert(AUDIENCE, HeaderValue::from(accepted.audience));
    if accepted.audience == 0 {
        headers.insert(
            WARNING,
            HeaderValue::from_static("nobody is in this audience now, and later ones will not get it"),
        );
    }
    response
}

/// A refusal, with its code in a header for scripts that read no bodies, and with the one scheme that old callers know.
pub(super) fn refusal(problem: Problem) -> Response {
    let code = problem.code().as_str();
    let mut response = problem.into_response();
    response.headers_mut().insert(ERROR, HeaderValue::from_static(code));
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"longwire\""));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_given_to_who_names_it() {
        let wants =
            |accept: &'static str| wants_json(&[(ACCEPT, HeaderValue::from_static(accept))].into_iter().collect());
        assert!(wants("application/json") && wants("text/html, Application/JSON;q=0.5"));
        assert!(!wants("*/*") && !wants("text/html") && !wants_json(&HeaderMap::new()));
    }

    #[test]
    fn the_result_is_written_as_the_fork_writes_it() {
        let refused = api_refusal(&Problem::invalid("title", "a \"b\"").with_status(StatusCode::BAD_REQUEST));
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert!(refused.extensions().get::<OwnWords>().is_some());
    }
}
