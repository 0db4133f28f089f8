//! What the HTTP API refuses: a clear error, and nothing accepted by it.

use std::time::Duration;

use longwire_test_support::process::{longwire, printed};
use longwire_test_support::{Client, Response, SOON, until};
use serde_json::{Value, json};

use crate::world::{World, assert_problem, id_of};

/// Bytes of a notification as posted, at most.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// The longest TTL, seconds.
const TTL_SECONDS_MAX: u64 = 2_419_200;

fn post(api: &Client, body: &str) -> anyhow::Result<Response> {
    Ok(api.send("POST", "/v1/notifications", &[], body.as_bytes())?)
}

/// Posts what must be refused with this status and code, about this field, and accepts nothing.
fn refused(world: &World, body: &str, status: u16, code: &str, field: Option<&str>) -> anyhow::Result<()> {
    let before = world.metric("longwire_accepted_total")?;
    let answer = post(&world.api, body)?;
    println!("{status} {code}: {}", answer.text());
    assert_problem(&answer, status, code);
    if let Some(field) = field {
        assert_eq!(answer.field("field"), field, "{}", answer.text());
    }
    assert_eq!(world.metric("longwire_accepted_total")?, before, "it was accepted: {body}");
    Ok(())
}

#[test]
fn what_is_not_json_is_400() -> anyhow::Result<()> {
    let world = World::new()?;
    for body in ["", "{", "to=all", r#"{"to":"all","title":"x"} x"#, r#"{"to":"all","title":"\ud800"}"#] {
        refused(&world, body, 400, "not_json", None)?;
    }
    let phone = world.phone("phone")?;
    world.still_serves(&phone)
}

#[test]
fn fields_that_are_refused_are_422_and_named() -> anyhow::Result<()> {
    let world = World::new()?;
    let title = r#""title":"x""#;
    refused(&world, r#"{"to":"all","titel":"x"}"#, 422, "unknown_field", Some("titel"))?;
    refused(&world, r#"{"title":"x"}"#, 422, "missing_field", Some("to"))?;
    for to in [r#""friend:x""#, r#""""#, r#""user:""#, "7", "[]", r#""device:not-an-id""#] {
        let answer = post(&world.api, &format!(r#"{{"to":{to},{title}}}"#))?;
        assert_eq!(answer.status, 422, "{to}: {}", answer.text());
        assert!(answer.field("field").starts_with("to"), "{to}: {}", answer.text());
    }
    let unknown = r#"{"to":"device:0f8fad5b-d9cb-469f-a165-70867728950e","title":"x"}"#;
    refused(&world, unknown, 422, "unknown_device", Some("to"))?;
    for ttl in ["-1", "\"abc\"", "1.5", "2419201", "99999999999999999999"] {
        refused(&world, &format!(r#"{{"to":"all",{title},"ttl":{ttl}}}"#), 422, "invalid_field", Some("ttl"))?;
    }
    refused(&world, r#"{"to":"all","title":7}"#, 422, "invalid_field", Some("title"))?;
    refused(&world, r#"{"to":"all","title":"\u0001"}"#, 422, "invalid_field", Some("title"))?;
    refused(&world, r#"{"to":"all","title":"x","lane":"fast"}"#, 422, "invalid_field", Some("lane"))?;
    refused(&world, r#"{"to":"all","title":"x","urgency":"now"}"#, 422, "invalid_field", Some("urgency"))?;
    Ok(())
}

#[test]
fn limits_hold_at_the_limit_and_above_it() -> anyhow::Result<()> {
    let world = World::new()?;
    let longest = json!({ "to": "all", "title": "x", "ttl": TTL_SECONDS_MAX });
    assert_eq!(world.api.post("/v1/notifications", &longest)?.status, 202);
    let frame = r#"{"to":"all","title":"x","body":""}"#;
    let fitting = frame.replace(r#""body":"""#, &format!(r#""body":"{}""#, "y".repeat(BODY_BYTES_MAX - frame.len())));
    assert_eq!(fitting.len(), BODY_BYTES_MAX);
    let answer = post(&world.api, &fitting)?;
    assert_eq!(answer.status, 202, "{}", answer.text());
    refused(&world, &fitting.replacen("yy", "yyy", 1), 413, "too_large", None)?;
    refused(&world, &format!("{fitting}{}", " ".repeat(10_000_000)), 413, "too_large", None)?;
    // A stanza that would be longer than any client takes, although it was posted in few bytes.
    let swelling = frame.replace(r#""body":"""#, &format!(r#""body":"{}""#, "&".repeat(60_000)));
    refused(&world, &swelling, 413, "too_large", None)?;
    let thousand: Vec<String> = (0..1_000).map(|number| format!("user:u{number}")).collect();
    assert_eq!(world.api.post("/v1/notifications", &json!({ "to": thousand, "title": "x" }))?.status, 202);
    let more: Vec<String> = (0..1_001).map(|number| format!("user:u{number}")).collect();
    refused(&world, &json!({ "to": more, "title": "x" }).to_string(), 422, "invalid_field", Some("to"))
}

#[test]
fn a_compressed_body_is_415() -> anyhow::Result<()> {
    let world = World::new()?;
    let answer = world.api.send("POST", "/v1/notifications", &[("content-encoding", "gzip")], b"\x1f\x8b")?;
    assert_problem(&answer, 415, "unsupported_encoding");
    Ok(())
}

#[test]
fn an_audience_without_members_is_accepted_with_a_warning() -> anyhow::Result<()> {
    let world = World::new()?;
    let answer = world.notify("user:nobody", "for nobody")?;
    assert_eq!(answer.get("audience"), Some(&json!(0)), "{answer}");
    assert!(answer.as_object().is_some_and(|fields| fields.keys().any(|key| key.starts_with("warning"))), "{answer}");
    // It is not kept for whoever comes to be that user later.
    let phone = world.phone("phone")?;
    world.bind_user(&phone.id()?, "nobody")?;
    world.still_serves(&phone)?;
    assert_eq!(phone.all_shown().len(), 1);
    assert_eq!(world.state(&id_of(&answer), &phone.id()?)?, None);
    Ok(())
}

#[test]
fn keys_that_may_not_are_refused() -> anyhow::Result<()> {
    let world = World::new()?;
    let body = json!({ "to": "all", "title": "x" });
    let with = |key: Option<&str>| world.server.client(key).post("/v1/notifications", &body);
    assert_problem(&with(None)?, 401, "no_key");
    for wrong in ["x", "lw_", "lw_0_0", "lw_000000000000_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let answer = with(Some(wrong))?;
        assert_problem(&answer, 401, "unknown_key");
        assert!(answer.header("www-authenticate").is_some_and(|value| value.starts_with("Bearer")));
    }
    let reader = world.server.make_key("read")?;
    assert_problem(&with(Some(&reader))?, 403, "missing_scope");
    let sender = world.server.make_key("send")?;
    assert_eq!(with(Some(&sender))?.status, 202);
    assert_problem(&world.server.client(Some(&sender)).get("/v1/devices")?, 403, "missing_scope");
    assert_eq!(world.metric("longwire_accepted_total")?, 1);
    Ok(())
}

#[test]
fn expired_and_revoked_keys_are_refused() -> anyhow::Result<()> {
    let world = World::new()?;
    let body = json!({ "to": "all", "title": "x" });
    let create = ["key", "create", "--scope", "send", "--expires", "1s"];
    let key = printed(&longwire(world.server.data(), &create)?)?;
    let expired = until("the key to expire", SOON, || {
        let answer = world.server.client(Some(&key)).post("/v1/notifications", &body).ok()?;
        (answer.status != 202).then_some(answer)
    })?;
    assert_problem(&expired, 401, "expired_key");
    let revoked = world.server.make_key("send")?;
    let id = revoked.split('_').nth(1).expect("lw_<id>_<secret>").to_owned();
    assert_eq!(world.server.client(Some(&revoked)).post("/v1/notifications", &body)?.status, 202);
    printed(&longwire(world.server.data(), &["key", "revoke", &id])?)?;
    assert_problem(&world.server.client(Some(&revoked)).post("/v1/notifications", &body)?, 401, "unknown_key");
    Ok(())
}

#[test]
fn a_repeated_post_is_answered_as_the_first_and_shown_once() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let body = json!({ "to": "all", "title": "once" });
    let first = world.api.notify_once("key-1", &body)?;
    assert_eq!(first.status, 202);
    let answers: Vec<Response> = std::thread::scope(|scope| {
        let repeats: Vec<_> = (0..20).map(|_| scope.spawn(|| world.api.notify_once("key-1", &body))).collect();
        repeats.into_iter().filter_map(|repeat| repeat.join().ok()?.ok()).collect()
    });
    assert_eq!(answers.len(), 20);
    for answer in answers {
        assert_eq!((answer.status, &answer.body), (202, &first.body));
    }
    let other = world.api.notify_once("key-1", &json!({ "to": "all", "title": "another" }))?;
    assert_problem(&other, 422, "idempotency_mismatch");
    world.still_serves(&phone)?;
    assert_eq!(phone.all_shown().len(), 2, "the repeated one and the last");
    Ok(())
}

#[test]
fn fifty_first_posts_at_once_under_one_key_make_one_notification() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let body = json!({ "to": "all", "title": "once" });
    let mut ids: Vec<String> = std::thread::scope(|scope| {
        let posts: Vec<_> = (0..50).map(|_| scope.spawn(|| world.api.notify_once("key-2", &body))).collect();
        posts.into_iter().filter_map(|post| Some(post.join().ok()?.ok()?.field("id"))).collect()
    });
    assert_eq!(ids.len(), 50);
    ids.dedup();
    assert_eq!(ids.len(), 1, "{ids:?}");
    world.still_serves(&phone)?;
    assert_eq!(phone.all_shown().len(), 2);
    Ok(())
}

#[test]
fn paths_methods_and_cursors_that_do_not_exist() -> anyhow::Result<()> {
    let world = World::new()?;
    assert_problem(&world.api.get("/v1/nothing")?, 404, "no_such_path");
    assert_problem(&world.api.send("PATCH", "/v1/notifications", &[], b"")?, 405, "no_such_method");
    let unknown = "0192f0c1-0000-7000-8000-000000000000";
    assert_problem(&world.api.get(&format!("/v1/notifications/{unknown}"))?, 404, "not_found");
    assert_problem(&world.api.get(&format!("/v1/devices/{unknown}"))?, 404, "not_found");
    assert_problem(&world.api.delete(&format!("/v1/notifications/{unknown}"))?, 404, "not_found");
    assert_problem(&world.api.get("/v1/devices?cursor=abc")?, 400, "bad_cursor");
    assert_eq!(world.api.get("/v1/devices?limit=x")?.status, 400);
    Ok(())
}

#[test]
fn now_or_never_reaches_whoever_is_there_and_is_not_kept() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let answer = world.api.post("/v1/notifications", &json!({ "to": "all", "title": "now", "ttl": 0 }))?;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!((answer.field("state").as_str(), answer.json().get("sessions")), ("sent", Some(&json!(1))));
    let id = answer.field("id");
    phone.shown(&id)?;
    assert_problem(&world.api.get(&format!("/v1/notifications/{id}"))?, 404, "not_found");
    let keyed = world.api.notify_once("key-3", &json!({ "to": "all", "title": "now", "ttl": 0 }))?;
    assert_eq!(keyed.status, 422, "{}", keyed.text());
    Ok(())
}

#[test]
fn a_slow_body_does_not_hold_up_others() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let mut slow = longwire_test_support::Wire::plain(&world.server.ready.http)?;
    slow.send("POST /v1/notifications HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{")?;
    world.still_serves(&phone)?;
    let answer = slow.expect_close(Duration::from_secs(60))?;
    assert!(answer.is_empty() || answer.contains(" 4"), "{answer}");
    assert_eq!(world.metric("longwire_accepted_total")?, 1);
    Ok(())
}

#[test]
fn lists_come_in_pages() -> anyhow::Result<()> {
    let world = World::new()?;
    let phones = world.phone_options("phones").times(5).start()?;
    phones.online()?;
    let mut seen = Vec::new();
    let mut path = "/v1/devices?limit=2".to_owned();
    loop {
        let page = world.api.get(&path)?.json();
        let items = page.get("items").and_then(Value::as_array).cloned().unwrap_or_default();
        assert!(items.len() <= 2, "{page}");
        seen.extend(items.iter().map(id_of));
        match page.get("next").and_then(Value::as_str) {
            Some(next) => path = format!("/v1/devices?limit=2&cursor={next}"),
            None => break,
        }
    }
    let mut wanted: Vec<String> = phones.ids()?.into_values().collect();
    wanted.sort();
    seen.sort();
    assert_eq!(seen, wanted);
    Ok(())
}
