//! The answers: those that known callers take for success, with what became of the request in their headers.

use axum::http::header::{ACCEPT, CONTENT_LANGUAGE, LOCATION, WWW_AUTHENTICATE};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use longwire_core::notification_manager::Accepted;
use serde::Deserialize;

use super::pages;
use crate::gate::OwnWords;
use crate::problem::{Code, Problem};
use crate::v1::notifications::post;

const ID: HeaderName = HeaderName::from_static("longwire-notification-id");
const AUDIENCE: HeaderName = HeaderName::from_static("longwire-audience");
const WARNING: HeaderName = HeaderName::from_static("longwire-warning");
const ERROR: HeaderName = HeaderName::from_static("longwire-error");

/// What was accepted, now or by the same request before.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) id: String,
    pub(super) audience: u64,
    /// The answer of `POST /v1/notifications`.
    body: String,
}

impl Sent {
    pub(super) fn new(accepted: &Accepted) -> Self {
        Self { id: accepted.id.to_string(), audience: accepted.audience, body: post::accepted_body(accepted) }
    }

    /// Of the answer that was kept.
    pub(super) fn again(body: String) -> Result<Self, Problem> {
        #[derive(Deserialize)]
        struct Kept {
            id: String,
            audience: u64,
        }
        let kept: Kept = serde_json::from_str(&body)
            .map_err(|_| Problem::new(Code::Internal, "the answer that was kept cannot be read"))?;
        Ok(Self { id: kept.id, audience: kept.audience, body })
    }
}

/// Whether the caller asks for JSON by name; `*/*` asks for nothing, and a weight of 0 asks for anything else.
pub(super) fn wants_json(headers: &HeaderMap) -> bool {
    let ranges =
        headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let mut ranges = ranges.map(|range| range.split(';').map(str::trim));
    ranges.any(|mut parts| {
        let is_json = parts.next().is_some_and(|media| media.eq_ignore_ascii_case("application/json"));
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        is_json && weight.is_none_or(|weight| weight.parse::<f32>().is_ok_and(|weight| weight > 0.0))
    })
}

/// As the original: to the page of notifications, which answers 200 to whoever follows.
pub(super) fn redirect(page: &str, sent: &Sent) -> Response {
    let mut response = told(StatusCode::FOUND.into_response(), sent);
    response.headers_mut().insert(CONTENT_LANGUAGE, HeaderValue::from_static("en"));
    if let Ok(page) = HeaderValue::from_str(page) {
        response.headers_mut().insert(LOCATION, page);
    }
    response
}

/// As `POST /v1/notifications`.
pub(super) fn json(sent: &Sent) -> Response {
    told(post::answer(StatusCode::ACCEPTED, Some(sent.id.clone()), sent.body.clone()), sent)
}

/// As the form of our own page: a page.
pub(super) fn page(sent: &Sent) -> Response {
    told(pages::sent(&sent.id, sent.audience), sent)
}

/// A refusal as a page, for whoever filled in the form of our own.
pub(super) fn page_refusal(problem: Problem) -> Response {
    let (page, body) = pages::refused(problem.detail(), problem.hint()).into_parts();
    let mut response = refusal_without_basic(problem);
    response.headers_mut().extend(page.headers);
    *response.body_mut() = body;
    response.extensions_mut().insert(OwnWords);
    response
}

/// As `notification_api.do` of the fork that has it.
pub(super) fn api(sent: &Sent) -> Response {
    told(result("0", "success", StatusCode::OK), sent)
}

/// A refusal as `notification_api.do` would write one.
pub(super) fn api_refusal(problem: Problem) -> Response {
    let (own, body) = result("1", problem.detail(), problem.status()).into_parts();
    let mut response = refusal(problem);
    response.headers_mut().extend(own.headers);
    *response.body_mut() = body;
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
fn told(mut response: Response, sent: &Sent) -> Response {
    let headers = response.headers_mut();
    if let Ok(id) = HeaderValue::from_str(&sent.id) {
        headers.insert(ID, id);
    }
    headers.insert(AUDIENCE, HeaderValue::from(sent.audience));
    if sent.audience == 0 {
        headers.insert(
            WARNING,
            HeaderValue::from_static("nobody is in this audience now, and later ones will not get it"),
        );
    }
    response
}

/// A refusal, with its code in a header for scripts that read no bodies, and with the one scheme that old callers know.
pub(super) fn refusal(problem: Problem) -> Response {
    let mut response = refusal_without_basic(problem);
    if response.status() == StatusCode::UNAUTHORIZED {
        response.headers_mut().append(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"longwire\""));
    }
    response
}

/// The same for a page, over which a browser would put a question for a name and a password.
fn refusal_without_basic(problem: Problem) -> Response {
    let code = problem.code().as_str();
    let mut response = problem.into_response();
    response.headers_mut().insert(ERROR, HeaderValue::from_static(code));
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
        assert!(wants("application/json; q=0.1") && !wants("application/json;q=0, */*"));
        assert!(!wants("*/*") && !wants("text/html") && !wants_json(&HeaderMap::new()));
    }

    #[test]
    fn the_result_is_written_as_the_fork_writes_it() {
        let refused = api_refusal(Problem::invalid("title", "a \"b\"").with_status(StatusCode::BAD_REQUEST));
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert_eq!(refused.headers().get(ERROR).map(HeaderValue::as_bytes), Some(&b"invalid_field"[..]));
        assert!(refused.extensions().get::<OwnWords>().is_some());
        let keyless = api_refusal(Problem::new(Code::NoKey, "-"));
        assert_eq!(keyless.headers().get_all(WWW_AUTHENTICATE).iter().count(), 2);
    }

    #[test]
    fn what_was_kept_of_an_answer_is_that_answer() {
        let body = r#"{"id":"x","state":"accepted","audience":3}"#;
        let sent = Sent { id: "x".to_owned(), audience: 3, body: body.to_owned() };
        assert_eq!(Sent::again(body.to_owned()).ok(), Some(sent));
        assert!(Sent::again("{}".to_owned()).is_err());
    }
}
