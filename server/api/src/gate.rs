//! What stands around every request: its id, limits of time and number, the log line, and the form of refusals.

use std::convert::Infallible;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::Route;
use axum::routing::future::RouteFuture;
use longwire_core::pressure::Level;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tower::Service;

use crate::Api;
use crate::compat::androidpn::refused;
use crate::extract::{Crowded, Operator, Peer};
use crate::problem::{Code, MEDIA_TYPE, Problem};
use crate::rate::Slot;
use crate::server::lines::Lines;

/// How long a request may be worked on, once it is read.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// The header that names a request, in answers and in the log.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Numbers requests; the prefix tells the lives of the process apart.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: u32,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) const fn new(prefix: u32) -> Self {
        Self { prefix, next: AtomicU64::new(1) }
    }

    fn next(&self) -> String {
        format!("{:08x}-{:x}", self.prefix, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

/// A service of the API inside the limits.
#[derive(Clone)]
pub(crate) struct Gate {
    pub(crate) api: Arc<Api>,
    pub(crate) inner: Route,
}

impl Service<Request> for Gate {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.inner, cx)
    }

    /// The request is handed on at once, and not carried about in the future of its answer.
    fn call(&mut self, mut request: Request) -> Self::Future {
        let (api, asked) = (Arc::clone(&self.api), Asked::of(&self.api, &request));
        let work = admit(&api, &mut request).map(|admitted| {
            let is_safe = request.method().is_safe();
            ToTheEnd { is_safe, run: Some(Box::pin(admitted.work(self.inner.call(request)))) }
        });
        Box::pin(async move {
            let response = match work {
                Ok(work) => {
                    let response = tokio::time::timeout(REQUEST_TIME_MAX, work).await;
                    response.unwrap_or_else(|_| timed_out().into_response())
                }
                Err(refusal) => refusal.into_response(),
            };
            Ok(asked.answer(&api, response))
        })
    }
}

/// What the answer to a request needs of it.
struct Asked {
    id: String,
    method: Method,
    path: Option<MatchedPath>,
    peer: Option<IpAddr>,
    /// It is a call of an original server's script.
    is_script: bool,
    started_ms: u64,
}

impl Asked {
    fn of(api: &Api, request: &Request) -> Self {
        Self {
            id: api.request_ids.next(),
            method: request.method().clone(),
            path: request.extensions().get::<MatchedPath>().cloned(),
            peer: request.extensions().get::<Peer>().map(|peer| peer.0),
            is_script: refused::is_own(request.uri().path()),
            started_ms: api.core.env.clock.mono_ms(),
        }
    }

    fn answer(&self, api: &Api, response: Response) -> Response {
        let Self { id, method, .. } = self;
        let status = response.status();
        let problem = response.extensions().get::<Problem>().cloned();
        let response = finish(response, id, &api.put_off);
        let elapsed_ms = api.core.env.clock.mono_ms().saturating_sub(self.started_ms);
        // Templates of paths only: a path itself may name a user.
        let path = self.path.as_ref().map_or("-", MatchedPath::as_str);
        if self.is_script && status.is_client_error() {
            let problem = problem.unwrap_or_else(|| Problem::of_status(status));
            refused::log(api, self.peer, path, id, status, &problem);
        }
        tracing::debug!(request_id = %id, %method, path, status = response.status().as_u16(), elapsed_ms, "answered");
        response
    }
}

/// What a request holds while it is worked on.
struct Admitted {
    permit: Option<OwnedSemaphorePermit>,
    slot: Option<Slot>,
}

/// Admits a request, or says why not.
fn admit(api: &Api, request: &mut Request) -> Result<Admitted, Problem> {
    let permit = Arc::clone(&api.requests).try_acquire_owned().ok();
    if !is_work(request.uri().path()) {
        return Ok(Admitted { permit, slot: None });
    }
    if let Some(refusal) = refusal(api, request) {
        return Err(refusal);
    }
    if permit.is_none() {
        api.core.metrics.requests_overloaded.inc();
        return Err(overloaded());
    }
    Ok(Admitted { permit, slot: Some(Slot::of(request)) })
}

impl Admitted {
    async fn work(self, run: RouteFuture<Infallible>) -> Response {
        let Ok(mut response) = run.await;
        self.slot.iter().for_each(|slot| slot.tell(&mut response));
        drop(self.permit);
        response
    }
}

/// Carries out a request. One that changes something goes on as a task of its own when its client hangs up or it takes too long: half of it
/// may be on disk, such as a disabled account whose sessions are still to be ended. Until then it costs no task.
struct ToTheEnd<F: Future<Output: Send> + Send + 'static> {
    /// It changes nothing.
    is_safe: bool,
    /// None once it has ended.
    run: Option<Pin<Box<F>>>,
}

impl<F: Future<Output: Send> + Send + 'static> Future for ToTheEnd<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        // Work that panics is gone, and does not go on.
        let Some(mut run) = self.run.take() else { return Poll::Pending };
        let polled = run.as_mut().poll(cx);
        if polled.is_pending() {
            self.run = Some(run);
        }
        polled
    }
}

impl<F: Future<Output: Send> + Send + 'static> Drop for ToTheEnd<F> {
    fn drop(&mut self) {
        if let (false, Some(run), Ok(runtime)) = (self.is_safe, self.run.take(), Handle::try_current()) {
            drop(runtime.spawn(run));
        }
    }
}

/// Whether a path is one of those whose requests are limited: what looks after the server itself is not.
pub(crate) fn is_work(path: &str) -> bool {
    path.starts_with("/v1/") || path.ends_with(".do")
}

fn overloaded() -> Problem {
    Problem::new(Code::Overloaded, "the server works on as many requests as it may: repeat this one later")
}

/// Why no request is worked on, or not this one.
fn refusal(api: &Api, request: &Request) -> Option<Problem> {
    if api.core.failure().is_some() {
        return Some(failed());
    }
    if request.extensions().get::<Crowded>().is_some() {
        api.core.metrics.requests_overloaded.inc();
        return Some(crowded());
    }
    if !is_shed(api, request) {
        return None;
    }
    api.core.metrics.requests_shed.inc();
    Some(short())
}

/// Whether memory is too short for a request; never for the operator's. Long before that no new sessions are admitted, so that those
/// that are there leave room for what is sent to them.
fn is_shed(api: &Api, request: &Request) -> bool {
    sheds(api.core.pressure.level()) && request.extensions().get::<Operator>().is_none()
}

/// Whether requests are told to come back later at this level.
pub(crate) const fn sheds(level: Level) -> bool {
    match level {
        Level::Calm | Level::High => false,
        Level::Full => true,
    }
}

fn crowded() -> Problem {
    Problem::new(Code::Overloaded, "the server has as many connections as it may: repeat the request later")
}

pub(crate) fn short() -> Problem {
    Problem::new(Code::ShortOfMemory, "so short that nothing new is taken: repeat the request later")
}

fn failed() -> Problem {
    Problem::new(Code::Unavailable, "the store has failed and the server is about to stop")
        .with_hint("repeat the request later, with the same Idempotency-Key where it has one")
}

fn timed_out() -> Problem {
    Problem::new(Code::TimedOut, "the server did not finish in time")
        .with_hint("whether it was done is not known: repeat the request with the same Idempotency-Key")
}

/// A panic of a handler, as an answer.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the panic layer asks for")]
pub(crate) fn panicked(panic: Box<dyn std::any::Any + Send>) -> Response {
    let what = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    tracing::error!(panic = what.unwrap_or("-"), "a request's handler panicked");
    Problem::new(Code::Internal, "the server failed on this request; its log says why under the request id")
        .into_response()
}

/// Marks an answer that says in a form of its own why a request was refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OwnWords;

/// Lines about requests that the server had no room or no store for, of which there may be any number.
#[derive(Debug, Default)]
pub(crate) struct PutOff {
    overloaded: Lines,
    short_of_memory: Lines,
    unavailable: Lines,
}

impl PutOff {
    fn lines(&self, code: Code) -> Option<&Lines> {
        let all = [
            (Code::Overloaded, &self.overloaded),
            (Code::ShortOfMemory, &self.short_of_memory),
            (Code::Unavailable, &self.unavailable),
        ];
        all.into_iter().find_map(|(of, lines)| (of == code).then_some(lines))
    }
}

/// Tells the log of what the server could not do. Who comes while it has no room, of whom anybody can make any number, has a line once in a
/// while.
fn tell(problem: &Problem, status: StatusCode, id: &str, put_off: &PutOff) {
    let lines = put_off.lines(problem.code());
    let (status, code, why) = (status.as_u16(), problem.code().as_str(), problem.why());
    match lines.map(|lines| lines.count(Instant::now())) {
        None => tracing::warn!(request_id = %id, status, code, why, "refused"),
        Some(Some(count)) => {
            tracing::warn!(request_id = %id, status, code, why, count, "refused, as others since the last such line");
        }
        Some(None) => (),
    }
}

/// Names the request, and turns whatever is not a success into a problem document.
fn finish(mut response: Response, id: &str, put_off: &PutOff) -> Response {
    let status = response.status();
    if status.is_client_error() || status.is_server_error() {
        let problem = response.extensions_mut().remove::<Problem>().unwrap_or_else(|| Problem::of_status(status));
        if status.is_server_error() {
            tell(&problem, status, id, put_off);
        }
        if response.extensions().get::<OwnWords>().is_none() {
            *response.body_mut() = problem.document(id).into_body();
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
            response.headers_mut().remove(CONTENT_LENGTH);
        }
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn who_finds_no_room_has_one_line_in_a_while_and_who_meets_a_fault_has_one_each() {
        let put_off = PutOff::default();
        // Whether another would have a line now.
        let is_told = |code| put_off.lines(code).expect("counted").count(Instant::now()).is_some();
        for problem in [crowded(), short(), failed()] {
            drop(finish(problem.into_response(), "r-1", &put_off));
        }
        assert!(![Code::Overloaded, Code::ShortOfMemory, Code::Unavailable].into_iter().any(is_told));
        assert!(put_off.lines(Code::Internal).is_none(), "each has its line");
    }

    #[tokio::test]
    async fn auth_22_what_changes_something_comes_to_its_end_when_nobody_waits_for_it() {
        for (is_safe, ends) in [(false, true), (true, false)] {
            let (go_on, may) = tokio::sync::oneshot::channel::<()>();
            let (done, is_done) = tokio::sync::oneshot::channel();
            let run = async move {
                may.await.expect("it is let go on");
                let _: Result<(), ()> = done.send(());
                StatusCode::NO_CONTENT.into_response()
            };
            let hung_up = tokio::time::timeout(Duration::ZERO, ToTheEnd { is_safe, run: Some(Box::pin(run)) }).await;
            assert!(hung_up.is_err());
            // Nobody is there to hear it when it was given up.
            let _: Result<(), ()> = go_on.send(());
            assert_eq!(is_done.await.is_ok(), ends, "safe: {is_safe}");
        }
    }

    #[tokio::test]
    async fn a_panic_is_an_answer_like_any_other_refusal() {
        let response = finish(panicked(Box::new("boom")), "r-1", &PutOff::default());
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers().get(REQUEST_ID).map(HeaderValue::as_bytes), Some(&b"r-1"[..]));
        let body = response.into_body().collect().await.expect("a body").to_bytes();
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains(r#""code":"internal""#) && text.contains(r#""request_id":"r-1""#), "{text}");
        assert!(!text.contains("boom"), "what panicked is for the log: {text}");
    }
}
