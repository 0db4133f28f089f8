//! What clients rely on, in snapshots: the OpenAPI document, problem documents, metrics.

use axum::body::Body;
use axum::http::{Method, Request};
use http_body_util::BodyExt as _;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::bench::Bench;

#[tokio::test]
async fn the_openapi_document_is_as_committed() {
    let document = Bench::new().await.get("/openapi.json").await.text;
    insta::assert_snapshot!("openapi", document);
}

#[tokio::test]
async fn the_openapi_document_is_in_memory_once_however_many_do_not_read_it() {
    let bench = Bench::new().await;
    let ask = async || {
        let request = Request::get("/openapi.json").body(Body::empty()).expect("a request");
        let answer = bench.api.router().oneshot(request).await.expect("an answer");
        answer.into_body().collect().await.expect("a body").to_bytes()
    };
    let (one, other) = (ask().await, ask().await);
    assert_eq!((one.as_ptr(), one.len()), (other.as_ptr(), other.len()));
}

#[tokio::test]
async fn every_operation_says_what_it_refuses_with() {
    let document: Value = Bench::new().await.get("/openapi.json").await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut ids = std::collections::HashSet::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let at = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some(), "{at} has no summary");
            assert!(ids.insert(operation["operationId"].as_str().expect("an id")), "{at} has the id of another");
            assert!(operation["responses"].get("default").is_none(), "{at}");
            for (status, response) in operation["responses"].as_object().expect("responses") {
                let is_problem = response["content"].get("application/problem+json").is_some();
                assert_eq!(is_problem, !status.starts_with('2'), "{at} {status}");
            }
            for name in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let parameters = operation["parameters"].as_array().expect("parameters");
                assert!(parameters.iter().any(|own| own["name"] == name && own["in"] == "path"), "{at} {name}");
            }
        }
    }
}

#[tokio::test]
async fn problem_documents_are_as_committed() {
    let bench = Bench::new().await;
    let mut shown = Vec::new();
    for body in [
        "nope",
        "[]",
        "{}",
        r#"{"to":"all","title":"T","tittle":"x"}"#,
        r#"{"to":["all","user:a b"],"title":"T"}"#,
        r#"{"to":"all","title":"T","ttl":2419201}"#,
        r#"{"to":"all","title":"a\u0000"}"#,
        r#"{"to":"all","title":"T","filter":"tag:beta && user:bob"}"#,
    ] {
        shown.push(bench.post(body).await.json());
    }
    shown.push(bench.call_as("lw_a_b", Method::GET, "/v1/devices", "", &[]).await.json());
    shown.push(bench.get("/nothing").await.json());
    for problem in &mut shown {
        problem["request_id"] = "…".into();
    }
    insta::assert_json_snapshot!("problems", shown);
}

#[tokio::test]
async fn the_counters_have_their_names() {
    let bench = Bench::new().await;
    bench.post(r#"{"to":"all","title":"T"}"#).await;
    let text = bench.get("/metrics").await.text;
    for name in [
        "longwire_sessions ",
        "longwire_log_head 2",
        "longwire_accepted_total 1",
        "longwire_sent_total 0",
        "longwire_acknowledged_total 0",
        "longwire_accept_seconds_count 1",
        "longwire_delivery_seconds_bucket",
        "longwire_build_info{version=",
    ] {
        assert!(text.contains(name), "{name} is missing in:\n{text}");
    }
    assert_eq!(text.matches("# EOF").count(), 1);
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("# TYPE longwire_build_info gauge\n"), "{text}");
    let kind = async |accept: &str| {
        let headers = [("accept", accept)];
        let answer = bench.call_as(&bench.key, Method::GET, "/metrics", "", &headers).await;
        assert!(answer.text.contains("longwire_build_info{version="));
        answer.header("content-type").to_owned()
    };
    assert_eq!(bench.get("/metrics").await.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    assert_eq!(kind("text/plain, */*;q=0.1").await, "text/plain; version=0.0.4; charset=utf-8");
    let asked = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3";
    assert_eq!(kind(asked).await, "application/openmetrics-text; version=1.0.0; charset=utf-8");
    assert_eq!(bench.call_as("x", Method::GET, "/metrics", "", &[]).await.problem().0, 401);
}

#[tokio::test]
async fn readiness_ends_when_the_server_drains() {
    let bench = Bench::new().await;
    assert_eq!(bench.get("/readyz").await.status, 200);
    bench.api.drain();
    assert_eq!(bench.get("/readyz").await.problem().0, 503);
    assert_eq!(bench.get("/healthz").await.status, 200);
}
