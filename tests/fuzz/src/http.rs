//! HTTP, from the request's body to what is on the log: notifications in JSON, and the forms of an original androidpn server.

mod world;

use std::cell::RefCell;
use std::net::{IpAddr, Ipv4Addr};

use axum::body::Body;
use axum::http::{Method, Request, StatusCode};
use longwire_api::Peer;
use serde_json::Value;

use world::{Answer, World};

/// Requests after which the world is made anew, so that what it keeps stays small.
const REQUESTS_MAX: u32 = 2_000;

thread_local! {
    static WORLD: RefCell<Option<(World, u32)>> = const { RefCell::new(None) };
}

/// The target `notification`: the body of a `POST /v1/notifications`; or a request of another method and path when the first line says
/// so, such as `PATCH /v1/notifications/ID`, in which `ID` stands for a notification that there is.
pub(crate) fn notification(data: &[u8]) {
    in_world(|world| {
        let Some((method, path, body)) = asked(data, world) else { return };
        let request = Request::builder().method(method.clone()).uri(path.as_str());
        let request = request.header("authorization", format!("Bearer {}", world.key));
        // What is no request at all is the business of the HTTP library.
        let Ok(request) = request.body(Body::from(body.to_vec())) else { return };
        let answer = world.send(request);
        check(&answer, &method, &path);
        if answer.status == StatusCode::ACCEPTED && method == Method::POST {
            is_kept(world, &answer, body);
        }
    });
}

/// The target `androidpn_form`: a content type, a line break, and the body that a script sends to `notification.do`.
pub(crate) fn androidpn_form(data: &[u8]) {
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (content_type, rest) = data.split_at(end);
    let body = rest.get(1..).unwrap_or_default();
    in_world(|world| {
        for path in ["/notification.do?action=send", "/notification_api.do"] {
            let request = Request::post(path).header("host", "localhost").header("content-type", content_type);
            let Ok(request) = request.extension(Peer(IpAddr::V4(Ipv4Addr::LOCALHOST))).body(Body::from(body.to_vec()))
            else {
                return;
            };
            let answer = world.send(request);
            assert!(!answer.status.is_server_error(), "{path}: {} {}", answer.status, answer.text);
        }
    });
}

fn in_world(play: impl FnOnce(&mut World)) {
    WORLD.with_borrow_mut(|slot| {
        let (mut world, requests) = slot.take().unwrap_or_else(|| (World::new(), 0));
        play(&mut world);
        *slot = (requests < REQUESTS_MAX).then_some((world, requests + 1));
    });
}

/// Method, path and body.
fn asked<'a>(data: &'a [u8], world: &World) -> Option<(Method, String, &'a [u8])> {
    const METHODS: [Method; 5] = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    let method = METHODS.into_iter().find(|method| data.starts_with(format!("{method} /").as_bytes()));
    let Some(method) = method else { return Some((Method::POST, "/v1/notifications".to_owned(), data)) };
    let end = data.iter().position(|byte| *byte == b'\n').unwrap_or(data.len());
    let (line, rest) = data.split_at(end);
    let path = std::str::from_utf8(line).ok()?.split_once(' ')?.1.replace("/ID", &format!("/{}", world.notification));
    Some((method, path, rest.get(1..).unwrap_or_default()))
}

/// HTTP-06, HTTP-11: whatever was asked, the server has not failed; and what it refuses it refuses in a form that a program reads.
fn check(answer: &Answer, method: &Method, path: &str) {
    let shown = format!("{method} {path}: {} {}", answer.status, answer.text);
    assert!(!answer.status.is_server_error(), "{shown}");
    // A method that a path does not have, and the like, are said without a body where nobody would read one.
    if answer.status.is_client_error() && path.starts_with("/v1/") && !answer.text.is_empty() {
        let problem: Value = serde_json::from_str(&answer.text).unwrap_or_else(|_| panic_with(&shown));
        assert_eq!(problem.get("status").and_then(Value::as_u64), Some(answer.status.as_u16().into()), "{shown}");
        assert!(problem.get("code").and_then(Value::as_str).is_some_and(|code| !code.is_empty()), "{shown}");
    }
}

#[expect(clippy::panic, reason = "a target tells what it found by panicking")]
fn panic_with(shown: &str) -> Value {
    panic!("not a problem document: {shown}")
}

/// What was accepted is kept as it was sent, and its stanza holds it as text.
fn is_kept(world: &World, answer: &Answer, body: &[u8]) {
    let sent: Value = serde_json::from_slice(body).expect("what was accepted is JSON");
    let accepted: Value = serde_json::from_str(&answer.text).expect("the answer is JSON");
    let Some(id) = accepted.get("id").and_then(Value::as_str) else { return };
    let Some(kept) = world.payload(id) else { return };
    for field in ["title", "body", "url", "data"] {
        let (sent, kept) = (sent.get(field), kept.get(field));
        let is_nothing = sent.is_some_and(|sent| sent.as_object().is_some_and(serde_json::Map::is_empty));
        assert!(sent == kept || is_nothing, "{field} was sent as {sent:?} and is kept as {kept:?}");
    }
}
