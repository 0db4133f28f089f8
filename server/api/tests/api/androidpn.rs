//! What scripts of an original server call, where no phone is needed to see it.

use std::net::{IpAddr, Ipv4Addr};

use axum::Extension;
use axum::body::Body;
use axum::http::{Method, Request, Response};
use http_body_util::BodyExt as _;
use longwire_api::{AndroidpnConfig, ApiConfig, Peer};
use longwire_model::DeviceId;
use tower::ServiceExt as _;

use super::bench::Bench;

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const SEND: &str = "/notification.do?action=send&title=t&message=m&broadcast=N&username=";

async fn bench() -> Bench {
    let androidpn = Some(AndroidpnConfig { trusted: vec![HERE] });
    Bench::with(ApiConfig { androidpn, ..Bench::config() }).await
}

async fn get(bench: &Bench, path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let request = Request::get(path).header("host", "nas:7070");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    let router = bench.router().layer(Extension(Peer(HERE)));
    router.oneshot(request.body(Body::empty()).expect("a request")).await.expect("an answer")
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> &'a str {
    answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

async fn text(answer: Response<Body>) -> String {
    let bytes = answer.into_body().collect().await.expect("a body").to_bytes();
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

async fn bind(bench: &Bench, device: DeviceId, user: &str) {
    let (path, body) = (format!("/v1/devices/{device}/user"), format!(r#"{{"user":"{user}"}}"#));
    assert_eq!(bench.call(Method::PUT, &path, &body).await.status, 204);
}

#[tokio::test]
async fn a_username_is_an_account_and_a_user() {
    let bench = bench().await;
    let (old, new, both) = (bench.device("bob").await, bench.device("x1").await, bench.device("carol").await);
    let reached = async |name: &str| {
        let answer = get(&bench, &format!("{SEND}{name}"), &[]).await;
        (answer.status().as_u16(), header(&answer, "longwire-audience").to_owned())
    };
    let sent = |audience: &str| (302, audience.to_owned());
    assert_eq!(reached("alice").await.0, 404, "neither the one nor the other");
    bind(&bench, new, "alice").await;
    assert_eq!(reached("alice").await, sent("1"), "a user whose device has an account that nobody knows");
    assert_eq!(reached("+alice+").await, sent("1"));
    assert_eq!(reached("Alice").await.0, 404, "the app's back-end tells capitals apart");
    assert_eq!(reached("bob").await, sent("1"));
    assert_eq!(reached("BOB").await, sent("1"), "accounts are folded");
    bind(&bench, new, "bob").await;
    assert_eq!(reached("bob").await, sent("2"), "the account of before and the device of now");
    bind(&bench, both, "carol").await;
    assert_eq!(reached("carol").await, sent("1"), "a device that is both gets it once");
    assert_eq!(bench.call(Method::DELETE, &format!("/v1/devices/{old}"), "").await.status, 204);
    assert_eq!(reached("bob").await, sent("1"));
    assert_eq!(reached("a%20b").await.0, 404, "no name of a user");
}

#[tokio::test]
async fn an_alias_is_never_a_user() {
    let bench = bench().await;
    let device = bench.device("x1").await;
    bind(&bench, device, "boss").await;
    let by_alias = "/notification.do?action=send&title=t&message=m&broadcast=2&alias=boss";
    let refused = get(&bench, by_alias, &[]).await;
    assert_eq!(refused.status(), 404);
    assert!(text(refused).await.contains("setalias"), "the hint is about aliases");
    let tagged = bench.call(Method::PUT, &format!("/v1/devices/{device}/tags/alias:boss"), "").await;
    assert_eq!(tagged.status, 204);
    assert_eq!(header(&get(&bench, by_alias, &[]).await, "longwire-audience"), "1");
}

#[tokio::test]
async fn the_same_request_with_the_same_key_is_one_notification() {
    let bench = bench().await;
    bench.device("bob").await;
    let send = async |more: &str, key: &str| {
        let answer = get(&bench, &format!("{SEND}bob{more}"), &[("idempotency-key", key)]).await;
        let told = (answer.status().as_u16(), header(&answer, "longwire-audience").to_owned());
        (told, header(&answer, "longwire-notification-id").to_owned())
    };
    let first = send("", "k1").await;
    assert_eq!(first.0, (302, "1".to_owned()));
    assert_eq!(send("", "k1").await, first);
    assert_ne!(send("", "k2").await.1, first.1);
    let other = get(&bench, &format!("{SEND}bob&uri=x"), &[("idempotency-key", "k1")]).await;
    assert_eq!((other.status().as_u16(), header(&other, "longwire-error")), (400, "idempotency_mismatch"));
    assert_eq!(get(&bench, &format!("{SEND}bob"), &[("idempotency-key", "")]).await.status(), 400);
    let json = get(&bench, &format!("{SEND}bob"), &[("idempotency-key", "k1"), ("accept", "application/json")]).await;
    assert_eq!(json.status(), 202);
    assert!(text(json).await.contains(&first.1));
}

#[tokio::test]
async fn a_path_that_is_none_says_what_there_is() {
    let (with, without) = (bench().await, Bench::new().await);
    for path in ["/notification.do", "/user_api.do", "/Androidpn/index.do"] {
        let nothing = get(&without, path, &[]).await;
        assert_eq!(nothing.status(), 404, "{path}");
        assert!(text(nothing).await.contains("--androidpn"), "{path}");
    }
    let other = get(&with, "/login.do", &[]).await;
    assert_eq!(other.status(), 404);
    assert!(text(other).await.contains("notification_api.do"));
    assert!(text(get(&without, "/other", &[]).await).await.contains("/openapi.json"));
    for path in ["/", "/Androidpn", "/Androidpn/", "/androidpn/", "/Androidpn/index.do"] {
        assert_eq!(get(&with, path, &[]).await.status(), 200, "{path}");
        assert_eq!(get(&without, path, &[]).await.status(), 404, "{path}");
    }
    for bench in [&with, &without] {
        for path in ["/operator/androidpn-accounts", "/operator/androidpn-accounts/dry-run"] {
            let there = [Method::GET, Method::POST, Method::PUT].map(|method| bench.call(method, path, "{}"));
            for answer in there {
                assert_eq!(answer.await.problem(), (404, "no_such_path".to_owned(), None), "{path}");
            }
        }
    }
}
