//! What handlers take from a request: rights, the raw body, the query, names in the path.

use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::HttpBody as _;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::Extensions;
use axum::http::header::{AUTHORIZATION, CONTENT_ENCODING};
use axum::http::request::Parts;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use longwire_core::auth_manager::AuthError;
use longwire_core::shown::shown;
use longwire_model::limits::NOTIFICATION_BYTES_MAX;
use longwire_model::{ApiKey, Scope};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::Api;
use crate::problem::{Code, Problem};
use crate::rate::Slot;

/// How long a body may take to come.
const BODY_TIME_MAX: Duration = Duration::from_secs(10);
/// Milliseconds after which what a request has proven is looked at again.
const SLOW_BODY_MS: u64 = 1_000;
/// Items of a page when the query says nothing, and at most.
const PAGE_DEFAULT: u32 = 100;
pub(crate) const PAGE_MAX: u32 = 1_000;

/// Marks a request that came by a road that only the operator has: the control socket, or a command in process.
#[derive(Clone, Copy, Debug)]
pub struct Operator;

/// Who opened the connection of a request: the socket's word, never a header's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// Where it is noted that one of a connection's requests was proven: who is behind it has more places, and keeps them longer.
#[derive(Clone, Debug)]
pub(crate) struct Known(pub Arc<AtomicBool>);

/// Marks a request that came while all connections that may be were there: there is room for no work.
#[derive(Clone, Copy, Debug)]
pub struct Crowded;

/// A scope as a type, so that a handler's signature says what it needs.
pub(crate) trait Right: Send + Sync {
    const SCOPE: Scope;
}

macro_rules! rights {
    ($($name:ident: $scope:ident),*) => {$(
        #[derive(Debug)]
        pub(crate) struct $name;
        impl Right for $name {
            const SCOPE: Scope = Scope::$scope;
        }
    )*};
}

rights!(Send_: Send, Read: Read, Devices: Devices, Keys: Keys, Admin: Admin);

/// The caller may do what `R` names.
#[derive(Debug)]
pub(crate) struct Authorized<R> {
    /// The key that said so; none for the operator.
    pub key: Option<Arc<ApiKey>>,
    right: PhantomData<R>,
}

impl<R> Authorized<R> {
    /// Writes to the log who did what, with the name of what it was done to. What is secret is never passed to this.
    pub(crate) fn note(&self, act: &'static str, what: &str) {
        let by = self.key.as_ref().map_or("operator", |key| &key.id);
        tracing::info!(by, what = shown(what), "{act}");
    }

    /// Whether the caller may also do what `scope` names.
    pub(crate) fn allows(&self, scope: Scope) -> bool {
        self.key.as_ref().is_none_or(|key| key.allows(scope))
    }
}

impl<R: Right> FromRequestParts<Arc<Api>> for Authorized<R> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        if parts.extensions.get::<Operator>().is_some() {
            return Ok(Self { key: None, right: PhantomData });
        }
        let secret = bearer(parts)?.to_owned();
        let key = authorize(&parts.extensions, api, &secret, R::SCOPE).await?;
        parts.extensions.insert(Proven { secret, scope: R::SCOPE });
        Ok(Self { key: Some(key), right: PhantomData })
    }
}

/// What a request has proven before its body came.
#[derive(Clone)]
struct Proven {
    secret: String,
    scope: Scope,
}

/// Proves an API key for a scope, and counts the request.
pub(crate) async fn authorize(
    extensions: &Extensions,
    api: &Api,
    secret: &str,
    scope: Scope,
) -> Result<Arc<ApiKey>, Problem> {
    let authorized = api.core.auth.authorize(secret, scope).await;
    // A key that lacks the scope is proven as well.
    if matches!(authorized, Ok(_) | Err(AuthError::Forbidden(_))) {
        take_from_rate(extensions, api, secret.split('_').nth(1).unwrap_or(secret))?;
    }
    Ok(authorized?)
}

/// Counts a request of `id`, a key that is proven or an address that is trusted, where requests are counted.
pub(crate) fn take_from_rate(extensions: &Extensions, api: &Api, id: &str) -> Result<(), Problem> {
    if let Some(known) = extensions.get::<Known>() {
        known.0.store(true, Ordering::Relaxed);
    }
    let Some(slot) = extensions.get::<Slot>() else {
        return Ok(());
    };
    let allowance = api.rates.take(id, api.core.env.clock.mono_ms());
    slot.0.get_or_init(|| allowance);
    if allowance.is_granted {
        return Ok(());
    }
    let detail = "this API key makes more requests than it may";
    Err(Problem::new(Code::RateLimited, detail).with_hint("spread the requests; `to` takes a list of audiences"))
}

/// The text behind `Bearer` (RFC 6750 §2.1; the scheme in any case).
fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let no_key = |detail: &str| {
        Problem::new(Code::NoKey, detail)
            .with_hint("send `Authorization: Bearer lw_…`; `longwire key create` makes a key")
    };
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or_else(|| no_key("the request has no API key"))?;
    if values.next().is_some() {
        return Err(no_key("the request has two Authorization headers"));
    }
    let text = value.to_str().unwrap_or_default();
    match text.split_once(' ') {
        Some((scheme, key)) if scheme.eq_ignore_ascii_case("bearer") && !key.trim().is_empty() => Ok(key.trim()),
        Some(_) | None => Err(no_key("the Authorization header is not `Bearer` and an API key")),
    }
}

/// The whole body as it came, whatever its `Content-Type` says: at most 64 KiB within ten seconds.
#[derive(Debug)]
pub(crate) struct RawBody(pub Bytes);

impl FromRequest<Arc<Api>> for RawBody {
    type Rejection = Problem;

    async fn from_request(request: Request, api: &Arc<Api>) -> Result<Self, Problem> {
        let proven = request.extensions().get::<Proven>().cloned();
        let clock = &api.core.env.clock;
        let started_ms = clock.mono_ms();
        let bytes = read_body(request, NOTIFICATION_BYTES_MAX).await?;
        // The key may have been revoked while the body trickled in.
        if let Some(Proven { secret, scope }) = proven
            && clock.mono_ms().saturating_sub(started_ms) > SLOW_BODY_MS
        {
            api.core.auth.authorize(&secret, scope).await?;
        }
        Ok(Self(bytes))
    }
}

/// The whole body as it came: at most `bytes_max` within ten seconds.
pub(crate) async fn read_body(request: Request, bytes_max: usize) -> Result<Bytes, Problem> {
    let is_plain = |value: &axum::http::HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if !request.headers().get_all(CONTENT_ENCODING).iter().all(is_plain) {
        return Err(Problem::new(Code::Encoded, "the body has a Content-Encoding: send it as it is")
            .with_field("Content-Encoding"));
    }
    // What the head announces is not waited for.
    if request.body().size_hint().lower() > bytes_max as u64 {
        return Err(too_large(bytes_max));
    }
    let body = Limited::new(request.into_body(), bytes_max);
    let Ok(read) = tokio::time::timeout(BODY_TIME_MAX, body.collect()).await else {
        let detail = format!("the body did not come within {} seconds", BODY_TIME_MAX.as_secs());
        return Err(Problem::new(Code::TooSlow, detail));
    };
    match read {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(too_large(bytes_max)),
        Err(_) => Err(Problem::new(Code::Unreadable, "the body ended before it was whole")),
    }
}

fn too_large(bytes_max: usize) -> Problem {
    let detail = format!("the body is over {bytes_max} bytes");
    Problem::new(Code::TooLarge, detail).with_hint("send a link, and let the app fetch the rest")
}

/// The query, read as `T`; a parameter that `T` does not know is refused.
#[derive(Debug)]
pub(crate) struct Asked<T>(pub T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Api>> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let Query(asked) = Query::from_request_parts(parts, api).await.map_err(|error| {
            let source = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            Problem::new(Code::Unreadable, format!("the query cannot be read: {source}"))
        })?;
        Ok(Self(asked))
    }
}

/// The query of a route that asks for nothing: any parameter is refused.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Names in the path, percent-decoded.
#[derive(Debug)]
pub(crate) struct Named<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Arc<Api>> for Named<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Problem> {
        let read = Path::from_request_parts(parts, api).await;
        let Path(named) = read.map_err(|_| Problem::new(Code::Unreadable, "the path is not UTF-8 when decoded"))?;
        Ok(Self(named))
    }
}

/// The size of a page.
pub(crate) fn page_size(limit: Option<u32>) -> Result<u32, Problem> {
    match limit {
        None => Ok(PAGE_DEFAULT),
        Some(limit) if (1..=PAGE_MAX).contains(&limit) => Ok(limit),
        Some(_) => {
            Err(Problem::new(Code::Unreadable, format!("limit must be from 1 to {PAGE_MAX}")).with_field("limit"))
        }
    }
}
