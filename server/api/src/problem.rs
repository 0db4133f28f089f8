//! Problem documents (RFC 9457): what every answer that is not a 2xx says.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use longwire_core::CoreError;
use longwire_core::auth_manager::AuthError;
use serde::Serialize;
use utoipa::ToSchema;

/// Media type of a problem document.
pub(crate) const MEDIA_TYPE: &str = "application/problem+json";

/// What is wrong, as a word that programs can rely on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The body is not JSON.
    NotJson,
    /// The path, query or a header cannot be read.
    Unreadable,
    /// The paging cursor is not one that was given out.
    BadCursor,
    /// No API key.
    NoKey,
    /// Not an API key of this server, or a revoked one.
    UnknownKey,
    /// The API key has expired.
    ExpiredKey,
    /// The API key lacks a scope.
    MissingScope,
    /// No such thing.
    NotFound,
    /// No such path.
    NoSuchPath,
    /// The path has no such method.
    NoSuchMethod,
    /// The body came too slowly.
    TooSlow,
    /// It exists already.
    Exists,
    /// It was recalled.
    Recalled,
    /// It has expired.
    Expired,
    /// A device holds as many topics and tags as it may.
    LimitReached,
    /// Too many bytes.
    TooLarge,
    /// A `Content-Encoding`.
    Encoded,
    /// A field that nobody knows.
    UnknownField,
    /// A field that must be there.
    MissingField,
    /// A field whose value is refused.
    InvalidField,
    /// A `device:` that does not exist.
    UnknownDevice,
    /// An `Idempotency-Key` used with another body.
    IdempotencyMismatch,
    /// More requests of an API key than it may make.
    RateLimited,
    /// Too many requests at once.
    Overloaded,
    /// Memory is short.
    ShortOfMemory,
    /// The store cannot write for now.
    Unavailable,
    /// It took too long.
    TimedOut,
    /// Our fault.
    Internal,
    /// Refused by status alone.
    Other,
}

impl Code {
    const fn facts(self) -> (u16, &'static str, &'static str) {
        match self {
            Self::NotJson => (400, "not_json", "The body is not JSON"),
            Self::Unreadable => (400, "unreadable", "The request cannot be read"),
            Self::BadCursor => (400, "bad_cursor", "The cursor is not valid"),
            Self::NoKey => (401, "no_key", "An API key is needed"),
            Self::UnknownKey => (401, "unknown_key", "The API key is not valid"),
            Self::ExpiredKey => (401, "expired_key", "The API key has expired"),
            Self::MissingScope => (403, "missing_scope", "The API key may not do this"),
            Self::NotFound => (404, "not_found", "There is no such thing"),
            Self::NoSuchPath => (404, "no_such_path", "There is no such path"),
            Self::NoSuchMethod => (405, "no_such_method", "The path has no such method"),
            Self::TooSlow => (408, "too_slow", "The body came too slowly"),
            Self::Exists => (409, "exists", "It exists already"),
            Self::Recalled => (409, "recalled", "It was recalled"),
            Self::Expired => (409, "expired", "It has expired"),
            Self::LimitReached => (409, "limit_reached", "A limit is reached"),
            Self::TooLarge => (413, "too_large", "The notification is too large"),
            Self::Encoded => (415, "unsupported_encoding", "The body must not be compressed"),
            Self::UnknownField => (422, "unknown_field", "A field is not known"),
            Self::MissingField => (422, "missing_field", "A field is missing"),
            Self::InvalidField => (422, "invalid_field", "A value is refused"),
            Self::UnknownDevice => (422, "unknown_device", "There is no such device"),
            Self::IdempotencyMismatch => {
                (422, "idempotency_mismatch", "The Idempotency-Key was used with another body")
            }
            Self::RateLimited => (429, "rate_limited", "The API key makes too many requests"),
            Self::Overloaded => (503, "overloaded", "Too many requests at once"),
            Self::ShortOfMemory => (503, "short_of_memory", "The server is short of memory"),
            Self::Unavailable => (503, "unavailable", "The server cannot do it for now"),
            Self::TimedOut => (503, "timed_out", "It took too long"),
            Self::Internal => (500, "internal", "The server failed"),
            Self::Other => (500, "refused", "The request is refused"),
        }
    }

    /// The word.
    pub(crate) const fn as_str(self) -> &'static str {
        self.facts().1
    }
}

/// A refusal; [`crate::gate`] writes it as a document.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    code: Code,
    status: StatusCode,
    detail: String,
    field: Option<String>,
    hint: Option<String>,
    retry_after_s: Option<u32>,
    /// For the log alone.
    why: Option<String>,
}

impl Problem {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.facts().0).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after_s = match status {
            StatusCode::SERVICE_UNAVAILABLE => Some(CoreError::RETRY_AFTER_S),
            StatusCode::TOO_MANY_REQUESTS => Some(1),
            _ => None,
        };
        Self { code, status, detail: detail.into(), field: None, hint: None, retry_after_s, why: None }
    }

    /// What is known when something below the handlers refused.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::NOT_FOUND => Self::new(Code::NoSuchPath, "nothing is served at this path")
                .with_hint("GET /openapi.json lists every path"),
            StatusCode::METHOD_NOT_ALLOWED => {
                Self::new(Code::NoSuchMethod, "the header `allow` lists the methods of this path")
            }
            other => {
                let reason = other.canonical_reason().unwrap_or("no reason is known");
                Self { status: other, ..Self::new(Code::Other, reason.to_lowercase()) }
            }
        }
    }

    /// A field whose value is refused.
    pub(crate) fn invalid(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(Code::InvalidField, detail).with_field(field)
    }

    #[must_use]
    pub(crate) fn with_field(mut self, field: impl Into<String>) -> Self {
        self.field = Some(field.into());
        self
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(crate) const fn code(&self) -> Code {
        self.code
    }

    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// The kind in words.
    pub(crate) const fn title(&self) -> &'static str {
        self.code.facts().2
    }

    pub(crate) fn detail(&self) -> &str {
        &self.detail
    }

    pub(crate) fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    pub(crate) fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }

    /// What the log is told of it beyond what the caller is.
    pub(crate) fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }

    /// The same refusal under another status.
    #[must_use]
    pub(crate) fn with_status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The document, with the id under which the log has the request.
    pub(crate) fn document(&self, request_id: &str) -> ProblemDocument {
        let (_, code, title) = self.code.facts();
        ProblemDocument {
            kind: format!("urn:longwire:problem:{code}"),
            title: title.to_owned(),
            status: self.status.as_u16(),
            detail: self.detail.clone(),
            code: code.to_owned(),
            field: self.field.clone(),
            hint: self.hint.clone(),
            request_id: request_id.to_owned(),
        }
    }
}

/// Why a request was refused (RFC 9457).
#[derive(Debug, Serialize, ToSchema)]
#[schema(example = json!({
    "type": "urn:longwire:problem:unknown_field",
    "title": "A field is not known",
    "status": 422,
    "detail": "there is no field \"titel\"",
    "code": "unknown_field",
    "field": "titel",
    "hint": "the fields are to, title, body, data, url, ttl, collapse_key, lane, urgency, filter",
    "request_id": "5b2f8c1e-1a"
}))]
pub struct ProblemDocument {
    /// The kind of problem: `urn:longwire:problem:` and the code.
    #[serde(rename = "type")]
    kind: String,
    /// The kind in words; always the same for a code.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What is wrong with this request.
    detail: String,
    /// The kind as a word that programs can rely on.
    code: String,
    /// The field, parameter or header that is wrong, such as `to[3]` or `data.kind`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<String>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    hint: Option<String>,
    /// The id of the request, also in the header `x-request-id` and in the server's log.
    request_id: String,
}

impl ProblemDocument {
    /// The body of an answer.
    pub(crate) fn into_body(self) -> Body {
        // A struct of strings and a number always serialises.
        serde_json::to_vec(&self).map_or_else(|_| Body::empty(), Body::from)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
        if let Some(seconds) = self.retry_after_s {
            headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"longwire\""));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<CoreError> for Problem {
    fn from(error: CoreError) -> Self {
        match error {
            // The store's own words may name paths: they are in the log, not in answers.
            CoreError::Unavailable(why) => {
                Self { why: Some(why), ..Self::new(Code::Unavailable, "the store cannot do it for now") }
                    .with_hint("the server's log says why; nothing was changed unless an earlier answer said so: repeat the request later")
            }
            CoreError::Fatal(why) => Self {
                why: Some(why),
                ..Self::new(Code::Unavailable, "the store has failed and the server is about to stop")
            }
            .with_hint("whether it was done is not known: repeat the request with the same Idempotency-Key"),
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        match error {
            AuthError::Invalid => Self::new(Code::UnknownKey, "this API key is not one of this server")
                .with_hint("send `Authorization: Bearer lw_…`; `longwire key create` makes a key"),
            AuthError::Revoked => Self::new(Code::UnknownKey, "this API key was revoked"),
            AuthError::Expired(at) => Self::new(Code::ExpiredKey, format!("this API key expired at {at}"))
                .with_hint("`longwire key create` makes another"),
            AuthError::Forbidden(scope) => {
                Self::new(Code::MissingScope, format!("this API key lacks the scope `{scope}`"))
                    .with_hint(format!("`longwire key create --scope {scope}` makes one that has it"))
            }
            AuthError::Core(error) => error.into(),
        }
    }
}
