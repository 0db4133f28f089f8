//! HTTP-07: every route that is described, without a key, with a wrong one, and with what no client would send.

use anyhow::{Context, ensure};
use longwire_test_support::Client;
use serde_json::Value;

use crate::beside::beside;
use crate::world::World;

/// What needs no key.
const OPEN: &[&str] = &["/healthz", "/readyz", "/metrics", "/openapi.json"];
/// In the place of an id in a path.
const IDS: &[&str] = &[
    "0199a0b1-c2d3-7e4f-8a5b-6c7d8e9f0a1b",
    "x",
    "%00",
    "..%2f..%2fetc%2fpasswd",
    "%ff",
    "%25",
    "-1",
    "'%20OR%201=1",
    "%F0%9F%98%80",
];
/// Bodies that are no JSON, no object, or an object of other types.
const BODIES: &[&[u8]] = &[
    b"",
    b"{",
    b"null",
    b"[]",
    b"\"x\"",
    b"0",
    b"\xff\xfe",
    br#"{"to":7,"title":[],"name":{},"scopes":"x","label":1,"user":false,"expires_in":-1,"public_key":0,"password":[]}"#,
    br#"{"to":"all","title":"t","ttl":18446744073709551616,"data":{"a":1e308}}"#,
    br#"{"scopes":["root"],"label":"\u0000","expires_in":99999999999999999999}"#,
    br#"{"name":"../../x","password":""}"#,
    br#"{"user":""}"#,
    br#"{"algorithm":"none","public_key":"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"}"#,
];

/// Each operation of the description: method and path.
fn operations(api: &Client) -> anyhow::Result<Vec<(String, String)>> {
    let document = api.get("/openapi.json")?.json();
    let paths = document.get("paths").and_then(Value::as_object).context("paths")?;
    let of_path = |(path, item): (&String, &Value)| {
        let methods: Vec<String> = item.as_object().map(|item| item.keys().cloned().collect()).unwrap_or_default();
        let path = path.clone();
        methods.into_iter().map(move |method| (method.to_uppercase(), path.clone())).collect::<Vec<_>>()
    };
    Ok(paths.iter().flat_map(of_path).collect())
}

/// A path with this in the place of each of its parameters.
fn filled(path: &str, id: &str) -> String {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        filled = filled + before + id;
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    filled + rest
}

#[test]
fn http_07_every_route_refuses_whoever_has_no_key() -> anyhow::Result<()> {
    let world = World::new()?;
    let operations = operations(&world.api)?;
    ensure!(operations.len() >= 22, "{operations:?}");
    let key = world.server.api_key.clone().context("a key")?;
    let other = format!("{key}x");
    let wrong = ["lw_x_y", "", "lw__", &other, "Bearer", "\u{7f}"];
    beside("http_07 keys", &world, 200, || {
        for (method, path) in operations.iter().filter(|(_, path)| !OPEN.contains(&path.as_str())) {
            let path = filled(path, IDS[0]);
            ensure!(world.server.client(None).send(method, &path, &[], b"{}")?.status == 401, "{method} {path}");
            for key in wrong {
                let answer = world.server.client(Some(key)).send(method, &path, &[], b"{}")?;
                ensure!(matches!(answer.status, 400 | 401), "{method} {path} with {key:?}: {}", answer.status);
            }
            for scheme in ["Basic", "bearer\t", "Digest", "Negotiate"] {
                let header = format!("{scheme} !");
                let answer = world.server.client(None).send(method, &path, &[("authorization", &header)], b"{}")?;
                ensure!(matches!(answer.status, 400 | 401), "{method} {path} with {scheme}: {}", answer.status);
            }
        }
        Ok(())
    })
}

#[test]
fn http_07_no_route_fails_whatever_is_sent() -> anyhow::Result<()> {
    let world = World::new()?;
    let operations = operations(&world.api)?;
    beside("http_07 garbage", &world, 2_000, || {
        for (method, path) in &operations {
            // An honest account must stay: nothing here names it.
            for id in IDS.iter().filter(|id| path.contains('{') || **id == IDS[0]) {
                for body in BODIES {
                    let path = filled(path, id);
                    let answer = world.api.send(method, &path, &[("content-type", "application/json")], body)?;
                    ensure!(answer.status < 500, "{method} {path}: {} {}", answer.status, answer.text());
                }
            }
            let long = filled(path, &"x".repeat(5_000));
            let answer = world.api.send(method, &long, &[], b"{}")?;
            ensure!(answer.status < 500, "{method} {path} with a long id: {}", answer.status);
        }
        let log = world.server.log();
        ensure!(!log.contains("panicked"), "{:?}", log.lines().find(|line| line.contains("panicked")));
        Ok(())
    })
}
