//! Requests that nobody sends by accident.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request};
use bytes::Bytes;
use hyper::body::Frame;
use longwire_api::{ApiConfig, Crowded};
use longwire_core::pressure::Level;

use crate::bench::{Bench, send};

const LIMIT: usize = 64 * 1024;

fn post(bench: &Bench, body: Body) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri("/v1/notifications");
    request.header("authorization", format!("Bearer {}", bench.key)).body(body).expect("a request")
}

/// A body that never ends, one chunk after each pause.
fn endless(chunk: &'static [u8], pause: Duration) -> Body {
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    tokio::spawn(async move {
        while sender.send(Bytes::from_static(chunk)).await.is_ok() {
            tokio::time::sleep(pause).await;
        }
    });
    Body::new(Chunks(receiver))
}

struct Chunks(tokio::sync::mpsc::Receiver<Bytes>);

impl hyper::body::Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.poll_recv(cx).map(|chunk| chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}

#[tokio::test]
async fn a_body_is_read_to_the_limit_and_not_beyond() {
    let bench = Bench::new().await;
    let sized = |bytes: usize| {
        let frame = r#"{"to":"all","body":""}"#.len();
        format!(r#"{{"to":"all","body":"{}"}}"#, "x".repeat(bytes - frame))
    };
    assert_eq!(bench.post(&sized(LIMIT)).await.status, 202);
    assert_eq!(bench.post(&sized(LIMIT + 1)).await.problem().1, "too_large");
    // Endless and chunked: nothing says how long it is.
    let body = endless(&[b' '; 1_024], Duration::ZERO);
    assert_eq!(send(bench.router(), post(&bench, body)).await.problem().1, "too_large");
}

/// A body whose head says how long it is, and that never comes.
struct Announced(u64);

impl hyper::body::Body for Announced {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0)
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_announced_too_long_is_not_waited_for() {
    let bench = Bench::new().await;
    let over = Body::new(Announced(LIMIT as u64 + 1));
    assert_eq!(send(bench.router(), post(&bench, over)).await.problem().1, "too_large");
    let at = Body::new(Announced(LIMIT as u64));
    assert_eq!(send(bench.router(), post(&bench, at)).await.problem().1, "too_slow");
}

#[tokio::test]
async fn a_stanza_that_would_be_too_long_is_refused() {
    let bench = Bench::new().await;
    let quotes = "\\\"".repeat(30_000);
    let answer = bench.post(&format!(r#"{{"to":"all","body":"{quotes}"}}"#)).await;
    assert_eq!((answer.problem().0, answer.problem().1.as_str()), (413, "too_large"));
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_given_up() {
    let bench = Bench::new().await;
    let body = endless(b" ", Duration::from_secs(1));
    assert_eq!(send(bench.router(), post(&bench, body)).await.problem().1, "too_slow");
}

#[tokio::test]
async fn an_encoding_is_refused_and_a_type_ignored() {
    let bench = Bench::new().await;
    let body = r#"{"to":"all","title":"T"}"#;
    for encoding in ["gzip", "br", "identity, gzip", "x"] {
        let headers = [("content-encoding", encoding)];
        let answer = bench.call_as(&bench.key, Method::POST, "/v1/notifications", body, &headers).await;
        assert_eq!(answer.problem().0, 415, "{encoding}");
    }
    for kind in ["application/x-www-form-urlencoded", "text/plain", "application/json; charset=utf-8", "nonsense"] {
        let headers = [("content-type", kind), ("content-encoding", "identity")];
        let answer = bench.call_as(&bench.key, Method::POST, "/v1/notifications", body, &headers).await;
        assert_eq!(answer.status, 202, "{kind}");
    }
}

#[tokio::test]
async fn json_that_is_none_is_400() {
    let bench = Bench::new().await;
    let deep = "[".repeat(60_000);
    let deep_data = format!(r#"{{"to":"all","data":{}"#, "{\"a\":".repeat(12_000));
    for body in
        ["", "nope", "{\"to\":\"all\",\"to\":\"all\"}", "{\"ttl\":1e999}", "{\"title\":\"\\ud800\"}", &deep, &deep_data]
    {
        let shown: String = body.chars().take(30).collect();
        assert_eq!(bench.post(body).await.problem().1, "not_json", "{shown}");
    }
}

#[tokio::test]
async fn a_parameter_that_nobody_asked_for_is_refused_everywhere() {
    let bench = Bench::new().await;
    let document = bench.get("/openapi.json").await.json();
    let mut operations = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path.replace("{id}", "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b").replace(['{', '}'], "");
        for method in item.as_object().expect("operations").keys() {
            operations += 1;
            let method: Method = method.to_uppercase().parse().expect("a method");
            let answer = bench.call(method.clone(), &format!("{path}?limti=2"), "{}").await;
            assert_eq!((answer.problem().0, answer.problem().1.as_str()), (400, "unreadable"), "{method} {path}");
            assert!(answer.text.contains("limti"), "{}", answer.text);
        }
    }
    assert!(operations >= 22, "{operations}");
}

#[tokio::test]
async fn whatever_is_no_success_is_a_problem_document() {
    let bench = Bench::new().await;
    for (method, path, code) in [
        (Method::GET, "/", "no_such_path"),
        (Method::GET, "/v1", "no_such_path"),
        (Method::GET, "/v2/notifications", "no_such_path"),
        (Method::GET, "/v1/notifications/", "no_such_path"),
        (Method::GET, "/v1/notifications", "no_such_method"),
        (Method::PATCH, "/v1/devices", "no_such_method"),
        (Method::POST, "/healthz", "no_such_method"),
        (Method::GET, "/v1/devices/%ff", "unreadable"),
    ] {
        let answer = bench.call(method.clone(), path, "").await;
        assert_eq!(answer.problem().1, code, "{method} {path}");
    }
}

#[tokio::test]
async fn above_the_concurrency_limit_the_answer_is_503() {
    let bench = Bench::with(ApiConfig { concurrency_max: 0, metrics_need_key: false, ..Bench::config() }).await;
    let answer = bench.get("/v1/devices").await;
    assert_eq!(answer.problem().1, "overloaded");
    assert_eq!(answer.header("retry-after"), "5");
    for path in ["/healthz", "/readyz", "/metrics"] {
        assert_eq!(bench.get(path).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_closed_log_is_503_and_never_a_success() {
    let bench = Bench::new().await;
    bench.core.close().await;
    let answer = bench.post(r#"{"to":"all","title":"T"}"#).await;
    assert_eq!(answer.problem().1, "unavailable");
    assert_eq!(answer.header("retry-after"), "5");
    assert_eq!(bench.get("/readyz").await.problem().1, "unavailable");
}

#[tokio::test]
async fn f23_only_while_memory_is_very_short_requests_are_503() {
    let bench = Bench::with(ApiConfig { metrics_need_key: false, ..Bench::config() }).await;
    let statuses = async || {
        let posted = bench.post(r#"{"to":"all","title":"T"}"#).await;
        (posted.status.as_u16(), bench.get("/v1/devices").await.status.as_u16())
    };
    // Sessions are not admitted any more, and those that are there are still sent to.
    bench.core.pressure.set(Level::High);
    assert_eq!(statuses().await, (202, 200));
    assert_eq!(bench.get("/readyz").await.status, 200);
    bench.core.pressure.set(Level::Full);
    assert_eq!(statuses().await, (503, 503));
    let refused = bench.post(r#"{"to":"all","title":"T"}"#).await;
    assert_eq!((refused.problem().1.as_str(), refused.header("retry-after")), ("short_of_memory", "5"));
    assert_eq!(refused.json()["title"], "The server is short of memory");
    assert_eq!(bench.get("/readyz").await.problem().1, "short_of_memory", "as POSTs are answered");
    for path in ["/healthz", "/metrics"] {
        assert_eq!(bench.get(path).await.status, 200, "{path}");
    }
    let metrics = bench.get("/metrics").await.text;
    assert!(metrics.contains("longwire_requests_shed_total ") && !metrics.contains("longwire_requests_shed_total 0\n"));
    let request = Request::builder().uri("/v1/devices").body(Body::empty()).expect("a request");
    assert_eq!(send(bench.operator(), request).await.status, 200, "the operator is let in");
    bench.core.pressure.set(Level::Calm);
    assert_eq!(statuses().await, (202, 200));
    assert_eq!(bench.get("/readyz").await.status, 200);
}

#[tokio::test]
async fn http_17_a_reserved_connection_is_for_whoever_looks_after_the_server() {
    let bench = Bench::new().await;
    let asked = async |path: &str| {
        let request = Request::builder().uri(path).header("authorization", format!("Bearer {}", bench.key));
        let mut request = request.body(Body::empty()).expect("a request");
        request.extensions_mut().insert(Crowded);
        send(bench.router(), request).await
    };
    for path in ["/healthz", "/readyz"] {
        assert_eq!(asked(path).await.status, 200, "{path}");
    }
    let refused = asked("/v1/devices").await;
    assert_eq!((refused.problem().1.as_str(), refused.header("retry-after")), ("overloaded", "5"));
}

#[tokio::test]
async fn auth_22_a_key_that_is_revoked_while_the_body_trickles_in_is_refused() {
    let bench = Bench::new().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Bytes>(1);
    let request = post(&bench, Body::new(Chunks(receiver)));
    let asking = tokio::spawn(send(bench.router(), request));
    // There is room for one: the second is taken when the first was read, and so the key proven.
    for part in [&b"{\"to\":"[..], b"\"all\","] {
        sender.send(Bytes::from_static(part)).await.expect("read");
    }
    let id = bench.key.split('_').nth(1).expect("an id").to_owned();
    assert!(bench.core.auth.revoke_key(&id).await.expect("written"));
    bench.clock.advance(1_500);
    sender.send(Bytes::from_static(b"\"title\":\"T\"}")).await.expect("read");
    drop(sender);
    assert_eq!(asking.await.expect("no panic").status, 401);
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_a_change_whose_client_has_gone() {
    const PATIENCE: Duration = Duration::from_secs(1);
    let bench = Bench::new().await;
    let (rest_of_body, receiver) = tokio::sync::mpsc::channel(1);
    let mut client = Box::pin(send(bench.router(), post(&bench, Body::new(Chunks(receiver)))));
    assert!(tokio::time::timeout(PATIENCE, &mut client).await.is_err(), "it is worked on");
    drop(client);
    assert!(tokio::time::timeout(PATIENCE, bench.api.finished()).await.is_err(), "it still is");
    drop(rest_of_body);
    tokio::time::timeout(PATIENCE, bench.api.finished()).await.expect("it has come to its end");
}
