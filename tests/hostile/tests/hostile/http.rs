//! HTTP-…: bodies without end, forms of JSON, texts that mean something to a database, and slow heads.

use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::wait::now;
use longwire_test_support::wire::{Wire, connect_from};
use longwire_test_support::{Response, SOON, until};
use serde_json::{Value, json};

use crate::beside::beside;
use crate::world::{ATTACKER, World};

const PIECE: usize = 64 * 1_024;
/// More than any body that is read, and than what is read and dropped after a refusal.
const ENDLESS_BYTES: usize = 200 * 1_024 * 1_024;

/// The head of a POST with the key of `world`.
fn head(world: &World, more: &str) -> String {
    let key = world.server.api_key.clone().unwrap_or_default();
    format!("POST /v1/notifications HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n{more}\r\n")
}

/// Sends a head and a body in pieces until nothing more is taken; gives what was answered, and how many bytes were taken.
fn endless(world: &World, head: &str, piece: &[u8]) -> anyhow::Result<(String, usize)> {
    let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.http)?;
    wire.send(head)?;
    let mut sent = 0;
    while sent < ENDLESS_BYTES && wire.send_bytes(piece).is_ok() {
        sent += piece.len();
    }
    Ok((wire.expect_close(SOON)?, sent))
}

#[test]
fn http_01_a_body_without_end_is_413_and_the_connection_ends() -> anyhow::Result<()> {
    let world = World::new()?;
    let chunk = [format!("{PIECE:x}\r\n").into_bytes(), vec![b' '; PIECE], b"\r\n".to_vec()].concat();
    let long = head(&world, "content-length: 104857600\r\n");
    let chunked = head(&world, "transfer-encoding: chunked\r\n");
    beside("http_01", &world, 3, || {
        for (head, piece) in [(&long, vec![b' '; PIECE]), (&chunked, chunk)] {
            let (answer, sent) = endless(&world, head, &piece)?;
            println!("http_01: {sent} bytes were taken");
            ensure!(answer.starts_with("HTTP/1.1 413 ") && answer.contains("too_large"), "{answer}");
        }
        let body = br#"{"to":"all","title":"t"}"#;
        for encoding in ["gzip", "br", "deflate", "zstd", "gzip, gzip"] {
            let answer = world.api.send("POST", "/v1/notifications", &[("content-encoding", encoding)], body)?;
            ensure!(answer.status == 415, "{encoding}: {}", answer.text());
        }
        Ok(())
    })
}

#[test]
fn http_06_json_that_two_readers_would_read_differently_is_400() -> anyhow::Result<()> {
    let world = World::new()?;
    let deep = "[".repeat(60_000);
    let deep_data = format!(r#"{{"to":"all","title":"t","data":{}"#, r#"{"a":"#.repeat(10_000));
    let cases: [&[u8]; 12] = [
        br#"{"to":"all","title":"t","title":"u"}"#,
        br#"{"to":"all","title":"t","data":{"a":"1","a":"2"}}"#,
        br#"{"to":"all","ttl":1e999}"#,
        br#"{"to":"all","title":"\ud800"}"#,
        br#"{"to":"all","title":"\udc00\ud800"}"#,
        b"{\"to\":\"all\",\"title\":\"\xff\"}",
        b"{\"to\":\"all\",\"title\":\"a\nb\"}",
        b"{'to':'all'}",
        br#"{"to":"all","title":"t"} x"#,
        br#"{"to":"all","title":"t",}"#,
        deep.as_bytes(),
        deep_data.as_bytes(),
    ];
    beside("http_06", &world, 12, || {
        for body in cases {
            let answer = world.api.send("POST", "/v1/notifications", &[], body)?;
            let shown: String = String::from_utf8_lossy(body).chars().take(50).collect();
            ensure!(answer.status == 400, "{shown}: {} {}", answer.status, answer.text());
            ensure!(answer.header("content-type") == Some("application/problem+json"), "{shown}");
        }
        Ok(())
    })
}

/// Texts that mean something to a database, a shell, a template or a log.
const TEXTS: &[&str] = &[
    "'; DROP TABLE devices; --",
    "\" OR 1=1 --",
    "%",
    "_",
    "\\",
    "%_%",
    "a' UNION SELECT * FROM api_keys --",
    "$(reboot)",
    "{{7*7}}",
    "${jndi:ldap://localhost/x}",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

#[test]
fn http_11_every_text_is_taken_literally() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("http_11", &world, 60, || {
        let device = world.device_of("honest")?;
        let bind = |user: &str| world.api.put(&format!("/v1/devices/{device}/user"), &json!({ "user": user }));
        ensure!(bind("alice")?.status / 100 == 2, "a user can be bound");
        for text in TEXTS {
            let to = encoded(&format!("user:{text}"));
            let found = world.api.get(&format!("/v1/devices?to={to}"))?;
            let is_none = found.json().get("items").and_then(Value::as_array).is_some_and(Vec::is_empty);
            ensure!(found.status == 422 || found.status == 400 || is_none, "{text}: {}", found.text());
            let sent = world
                .api
                .post("/v1/notifications", &json!({ "to": format!("user:{text}"), "title": text, "body": text }))?;
            ensure!(matches!(sent.status, 202 | 422), "{text}: {}", sent.text());
            ensure!(sent.status == 422 || sent.json().get("audience") == Some(&json!(0)), "{text}: {}", sent.text());
            let made = world.api.post("/v1/keys", &json!({ "scopes": ["read"], "label": text }))?;
            ensure!(matches!(made.status, 200 | 201 | 422), "{text}: {}", made.text());
            let is_listed = |key: &Value| key.get("label") == Some(&json!(text));
            ensure!(
                made.status == 422 || world.items("/v1/keys")?.iter().any(is_listed),
                "{text} is not listed as it is"
            );
            let once = world.api.notify_once(&encoded(text), &json!({ "to": "user:nobody", "title": "t" }))?;
            ensure!(once.status == 202, "{text}: {}", once.text());
            let cursor = world.api.get(&format!("/v1/devices?cursor={}", encoded(text)))?;
            ensure!(cursor.status == 400, "{text}: {}", cursor.text());
        }
        ensure!(world.device_of("honest")? == device, "the device is there still");
        Ok(())
    })
}

/// Whether an answer is one that says no.
fn is_refused(answer: &Response) -> bool {
    matches!(answer.status, 400 | 401 | 404 | 405)
}

#[test]
fn adm_01_no_spelling_of_a_path_leads_past_the_key() -> anyhow::Result<()> {
    let world = World::for_originals()?;
    let anybody = world.server.client(None);
    beside("adm_01", &world, 400, || {
        for path in ["/v1/keys", "/v1/accounts", "/v1/devices", "/v1/app-keys", "/v1/user-keys", "/v1/notifications"] {
            let inner = path.trim_start_matches('/');
            let spellings = [
                path.to_owned(),
                format!("//{inner}"),
                format!("/./{inner}"),
                format!("/healthz/..{path}"),
                format!("/healthz/%2e%2e{path}"),
                format!("/healthz/..%u002e{path}"),
                format!("/healthz/..;{path}"),
                format!("{path}/"),
                format!("{path};/"),
                format!("{path};x=/healthz"),
                format!("{path}."),
                format!("{path}%00"),
                format!("{path}%2f"),
                format!("{path}?/healthz"),
                path.to_uppercase(),
                path.replace('/', "%2f"),
                format!("http://localhost{path}"),
            ];
            for spelling in spellings {
                for (method, header) in [
                    ("GET", ("x-http-method-override", "GET")),
                    ("POST", ("x-original-url", "/healthz")),
                    ("DELETE", ("x-rewrite-url", "/healthz")),
                    ("TRACE", ("forwarded", "for=127.0.0.1")),
                ] {
                    let answer = anybody.send(method, &spelling, &[header], b"")?;
                    ensure!(is_refused(&answer), "{method} {spelling} was answered {}", answer.status);
                }
            }
        }
        Ok(())
    })
}

#[test]
fn http_15_slow_heads_are_closed_and_hold_up_nobody() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("http_15", &world, 300, || {
        let mut slow = Vec::new();
        for _ in 0..300 {
            let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.http)?;
            wire.send("GET /v1/devices HTTP/1.1\r\nhost: x\r\nx-slow: ")?;
            slow.push(wire);
        }
        let began = now();
        ensure!(world.api.get("/v1/devices")?.status == 200, "another is served");
        println!("http_15: another request beside 300 slow heads took {:?}", began.elapsed());
        for wire in &mut slow {
            // Each of them goes on saying a byte, until it is closed.
            until("a slow head to be closed", SOON * 2, || {
                let is_closed = wire.send("x").is_err() || wire.take().1;
                is_closed.then_some(())
            })?;
        }
        ensure!(began.elapsed() < Duration::from_secs(60), "the last was closed after {:?}", began.elapsed());
        Ok(())
    })
}

/// Lets this process have as many files as it may.
fn raise_files() -> anyhow::Result<()> {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    let wanted = rustix::process::Rlimit { current: limit.maximum, maximum: limit.maximum };
    Ok(rustix::process::setrlimit(rustix::process::Resource::Nofile, wanted)?)
}

#[test]
fn http_02_two_lengths_are_400_and_the_end_of_the_connection() -> anyhow::Result<()> {
    let world = World::new()?;
    let body = r#"{"to":"all","title":"smuggled"}"#;
    let smuggled = head(&world, &format!("content-length: {}\r\n", body.len())) + body;
    beside("http_02", &world, 2, || {
        for lengths in [
            "content-length: 5\r\ntransfer-encoding: chunked\r\n",
            "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        ] {
            let mut wire = Wire::plain_from(ATTACKER, &world.server.ready.http)?;
            wire.send(&format!("{}0\r\n\r\n{smuggled}", head(&world, lengths)))?;
            let answers = wire.expect_close(SOON)?;
            ensure!(answers.starts_with("HTTP/1.1 400 ") && answers.matches("HTTP/1.1 ").count() == 1, "{answers}");
        }
        Ok(())
    })
}

#[test]
fn http_17_idle_connections_without_a_key_lock_out_nobody() -> anyhow::Result<()> {
    const OF_ONE: u64 = 2_100;
    let [one, two, third] = [2, 3, 4].map(|last| IpAddr::from([127, 0, 0, last]));
    let world = World::new()?;
    raise_files()?;
    let http = &world.server.ready.http;
    let body = r#"{"to":"all","title":"served"}"#;
    let post = head(&world, &format!("content-length: {}\r\n", body.len())) + body;
    let get = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    let requests = [(get("/healthz"), "HTTP/1.1 200 "), (get("/readyz"), "HTTP/1.1 200 "), (post, "HTTP/1.1 202 ")];
    beside("http_17", &world, 2 * OF_ONE, || {
        let mut held = Vec::new();
        for source in [one, two] {
            for _ in 0..OF_ONE {
                let mut wire = Wire::plain_from(source, http)?;
                wire.send(&get("/v1/devices"))?;
                wire.expect("HTTP/1.1 401 ")?;
                held.push(wire);
            }
        }
        for (request, status) in &requests {
            let began = now();
            let mut wire = Wire::plain_from(third, http)?;
            wire.send(request)?;
            wire.expect(status)?;
            let took = began.elapsed();
            println!("http_17: a third address was answered {status}after {took:?}");
            ensure!(took < Duration::from_secs(1), "a third address waited {took:?} for those of two");
        }
        world.server.logged("what was let go", |line| line.contains("without an API key"))?;
        // Those that are left are let go soon as well.
        let mut last = held.pop().context("there are some")?;
        last.expect_close(SOON)?;
        Ok(())
    })
}

#[test]
fn http_16_an_address_that_fills_the_listener_locks_out_no_other() -> anyhow::Result<()> {
    let world = World::new()?;
    raise_files()?;
    beside("http_16", &world, 5_000, || {
        let mut held = Vec::new();
        for _ in 0..5_000 {
            held.push(connect_from(ATTACKER, &world.server.ready.http).context("a place")?);
        }
        let began = now();
        ensure!(world.api.get("/v1/devices")?.status == 200, "another is served");
        let took = began.elapsed();
        println!("http_16: another address was answered after {took:?} beside 5,000 connections of one");
        ensure!(took < Duration::from_secs(5), "another address waited {took:?} for those of one");
        drop(held);
        Ok(())
    })
}
