//! Whose device it is, by tokens of the app's back-end, and what devices may join by themselves.

use std::time::SystemTime;

use anyhow::{Context, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use longwire_test_support::process::{longwire, printed};
use longwire_test_support::{Phones, SOON, ServerOptions, folder, until};
use ring::signature::Ed25519KeyPair;
use serde_json::{Value, json};

use crate::world::{World, id_of};

/// The back-end of an app: a user key and its private half.
struct BackEnd {
    kid: String,
    pair: Ed25519KeyPair,
}

impl BackEnd {
    fn new(world: &World) -> anyhow::Result<Self> {
        let made = printed(&longwire(world.server.data(), &["user-key", "create", "--json"])?)?;
        let made: Value = serde_json::from_str(&made)?;
        let text = |name: &str| made.get(name).and_then(Value::as_str).context("a member");
        let pem: String = text("private_key")?.lines().filter(|line| !line.starts_with('-')).collect();
        let pair = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&STANDARD.decode(pem)?);
        Ok(Self { kid: text("id")?.to_owned(), pair: pair.ok().context("a private key")? })
    }

    fn header(&self) -> Value {
        json!({ "alg": "EdDSA", "kid": self.kid, "typ": "JWT" })
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        let signed = format!("{}.{}", part(header), part(claims));
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(self.pair.sign(signed.as_bytes())))
    }

    fn token_for(&self, user: &str) -> String {
        self.token(&self.header(), &claims(user))
    }
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims(user: &str) -> Value {
    json!({ "sub": user, "aud": "localhost", "exp": now_s() + 300 })
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    if let Value::Object(members) = &mut object {
        members.insert(name.to_owned(), value);
    }
    object
}

#[expect(clippy::disallowed_methods, reason = "a back-end signs by the clock of its host")]
fn now_s() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The user and the topics of a device, as the API tells them.
fn device(world: &World, id: &str) -> anyhow::Result<(Value, Value)> {
    let device = world.api.get(&format!("/v1/devices/{id}"))?.json();
    let member = |name: &str| device.get(name).cloned().unwrap_or_default();
    Ok((member("user"), member("topics")))
}

#[test]
fn a_token_binds_a_phone_to_its_user_until_it_logs_out() -> anyhow::Result<()> {
    let world = World::new()?;
    let back_end = BackEnd::new(&world)?;
    let mut phone = world.phone("phone")?;
    let id = phone.id()?;
    let mark = phone.mark();
    let answer = phone.ask(&format!("login {}", back_end.token_for("alice")))?;
    assert_eq!((&answer["user"], answer.get("refused")), (&json!("alice"), None), "{answer}");
    // Whoever waited for the answer knows whose phone it is: that was told before.
    let lines = phone.lines();
    let told = lines.iter().skip(mark).position(|line| line["state"] == "online" && line["user"] == "alice");
    let answered = lines.iter().skip(mark).position(|line| line.get("answered").is_some());
    ensure!(told.is_some() && told < answered, "{lines:?}");
    assert_eq!(device(&world, &id)?.0, "alice");
    phone.shown(&id_of(&world.notify("user:alice", "For alice")?))?;
    let answer = phone.ask(&format!("login {}", back_end.token_for("bob")))?;
    assert_eq!(answer["user"], "bob");
    assert_eq!(phone.ask("memberships")?["keys"], json!(["user:bob"]));
    let not_hers = id_of(&world.notify("user:alice", "For nobody")?);
    phone.shown(&id_of(&world.notify("user:bob", "For bob")?))?;
    ensure!(!phone.all_shown().contains(&not_hers), "alice has no phone now");
    assert_eq!(phone.ask("logout")?.get("refused"), None);
    assert_eq!(device(&world, &id)?.0, Value::Null);
    assert_eq!(world.notify("user:bob", "For nobody")?["audience"], 0);
    Ok(())
}

#[test]
fn a_token_that_is_not_good_binds_nobody_and_says_why() -> anyhow::Result<()> {
    let world = World::new()?;
    let back_end = BackEnd::new(&world)?;
    let other = BackEnd::new(&world)?;
    let mut phone = world.phone("phone")?;
    let (good, header) = (claims("alice"), back_end.header());
    let unsigned = |alg: &str, signature: &str| {
        format!("{}.{}.{signature}", part(&with(header.clone(), "alg", json!(alg))), part(&good))
    };
    let of = |claims: Value| back_end.token(&header, &claims);
    let cases = [
        ("nonsense".to_owned(), "JWT"),
        ("a.b.c".to_owned(), "header"),
        (of(with(good.clone(), "exp", json!(now_s() - 1))), "expired"),
        (of(with(good.clone(), "exp", Value::Null)), "exp"),
        (of(with(good.clone(), "aud", json!("example.org"))), "aud"),
        (of(with(good.clone(), "aud", Value::Null)), "aud"),
        (of(with(good.clone(), "sub", json!("a b"))), "sub"),
        (back_end.token(&with(header.clone(), "kid", json!("nobody")), &good), "kid"),
        (unsigned("none", ""), "alg"),
        (unsigned("HS256", "AAAA"), "alg"),
        (unsigned("EdDSA", ""), "signature"),
        (back_end.token(&with(header.clone(), "kid", json!(other.kid)), &good), "signature"),
    ];
    for (token, word) in &cases {
        let answer = phone.ask(&format!("login {token}"))?;
        assert_eq!(answer["refused"], "not-authorized", "{word}: {answer}");
        let text = answer["text"].as_str().unwrap_or_default();
        ensure!(text.contains(word) && !text.contains(token.as_str()), "{word}: {answer}");
    }
    let token = back_end.token_for("alice");
    printed(&longwire(world.server.data(), &["user-key", "revoke", &back_end.kid])?)?;
    let answer = phone.ask(&format!("login {token}"))?;
    ensure!(answer["text"].as_str().is_some_and(|text| text.contains("revoked")), "{answer}");
    assert_eq!(device(&world, &phone.id()?)?.0, Value::Null);
    ensure!(!world.server.log().contains(&token), "a token is in no log");
    world.still_serves(&phone)
}

#[test]
fn a_back_end_may_have_keys_of_its_own() -> anyhow::Result<()> {
    let world = World::new()?;
    let run = |arguments: &[&str]| longwire(world.server.data(), arguments);
    let private = world.place.path().join("private.pem");
    std::fs::write(&private, printed(&run(&["user-key", "create"])?)?)?;
    let listed: Value = serde_json::from_str(&printed(&run(&["user-key", "list", "--json"])?)?)?;
    let key = listed.get(0).context("the key that was made")?;
    let public = world.place.path().join("public.pem");
    std::fs::write(&public, key["public_key"].as_str().context("a public key")?)?;
    let id = printed(&run(&["user-key", "add", "--public-key", &public.display().to_string(), "--label", "again"])?)?;
    let listed: Value = serde_json::from_str(&printed(&run(&["user-key", "list", "--json"])?)?)?;
    ensure!(
        listed.as_array().is_some_and(|keys| keys.iter().any(|key| key["id"] == id && key["algorithm"] == "EdDSA"))
    );
    let refused = run(&["user-key", "add", "--public-key", &private.display().to_string()])?;
    let why = String::from_utf8(refused.stderr)?;
    ensure!(!refused.status.success() && why.contains("private"), "{why}");
    let body = std::fs::read_to_string(&private)?;
    let secret = body.lines().nth(1).context("the key's line")?;
    ensure!(!why.contains(secret) && !world.server.log().contains(secret), "a private key is told nobody");
    Ok(())
}

#[test]
fn a_device_that_asks_without_end_is_told_to_wait() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = world.phone("phone")?;
    let mut granted = 0;
    let refused = loop {
        let answer = phone.ask("memberships")?;
        match answer.get("refused") {
            Some(_) => break answer,
            None => granted += 1,
        }
        ensure!(granted < 200, "nobody says that it is enough");
    };
    ensure!(granted >= 64, "{granted} were granted: {refused}");
    assert_eq!(refused["refused"], "resource-constraint", "{refused}");
    ensure!(refused["text"].as_str().is_some_and(|text| text.contains("more often")), "{refused}");
    assert_eq!(world.metric("longwire_requests_limited_total")?, 1);
    world.still_serves(&phone)
}

#[test]
fn devices_join_and_leave_what_the_operator_allows() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server"))
        .with_variable("LONGWIRE_DEVICE_TOPICS", "news/*")
        .with_variable("LONGWIRE_DEVICE_TAGS", "beta");
    let mut server = options.start()?;
    let api = server.admin()?;
    let world = World { server, api, place };
    let mut phone = world.phone("phone")?;
    let id = phone.id()?;
    for key in ["topic:news/sport", "tag:beta", "topic:news/sport"] {
        assert_eq!(phone.ask(&format!("join {key}"))?.get("refused"), None, "{key}");
    }
    assert_eq!(phone.ask("memberships")?["keys"], json!(["tag:beta", "topic:news/sport"]));
    phone.shown(&id_of(&world.notify("topic:news/sport", "Goal")?))?;
    world.join(&id, "topics", "staff")?;
    for (command, condition) in [
        ("join topic:staff", "forbidden"),
        ("join topic:old-news/x", "forbidden"),
        ("join tag:beta2", "forbidden"),
        ("join user:alice", "forbidden"),
        ("join all", "forbidden"),
        ("join nothing", "bad-request"),
        ("leave topic:staff", "forbidden"),
    ] {
        assert_eq!(phone.ask(command)?["refused"], condition, "{command}");
    }
    for key in ["topic:news/sport", "tag:beta", "tag:beta"] {
        assert_eq!(phone.ask(&format!("leave {key}"))?.get("refused"), None, "{key}");
    }
    assert_eq!(phone.ask("memberships")?["keys"], json!(["topic:staff"]));
    assert_eq!(world.notify("topic:news/sport", "Goal")?["audience"], 0);
    Ok(())
}

#[test]
fn a_server_that_allows_nothing_forbids_everything() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = world.phone("phone")?;
    for command in ["join topic:a", "join tag:a", "leave topic:a"] {
        assert_eq!(phone.ask(command)?["refused"], "forbidden", "{command}");
    }
    assert_eq!(phone.ask("memberships")?["keys"], json!([]));
    Ok(())
}

#[test]
fn who_takes_over_its_own_device_keeps_user_and_topics() -> anyhow::Result<()> {
    let world = World::new()?;
    let back_end = BackEnd::new(&world)?;
    let mut phone = world.phone("phone")?;
    let id = phone.id()?;
    phone.ask(&format!("login {}", back_end.token_for("alice")))?;
    world.join(&id, "topics", "staff")?;
    let accounts = world.api.get("/v1/accounts")?.json();
    let account = accounts.pointer("/items/0/name").and_then(Value::as_str).context("an account")?.to_owned();
    // Its account is gone: the phone is refused, makes a new one, and proves that it is the same phone.
    let mark = phone.mark();
    ensure!(world.api.delete(&format!("/v1/accounts/{account}"))?.status == 204, "the account is removed");
    let online = phone.state_after(mark, "online", SOON * 3)?;
    assert_eq!((&online["id"], &online["user"]), (&json!(id), &json!("alice")));
    assert_eq!(device(&world, &id)?, (json!("alice"), json!(["staff"])));
    phone.shown(&id_of(&world.notify("user:alice", "Still hers")?))?;
    Ok(())
}

#[test]
fn a_request_waits_for_a_session() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let back_end = BackEnd::new(&world)?;
    let mut phone: Phones = world.phone("phone")?;
    let mark = phone.mark();
    world.server.kill();
    phone.state_after(mark, "waiting", SOON)?;
    phone.tell(&format!("login {}", back_end.token_for("alice")))?;
    world.server.start_again()?;
    let answer = phone.wait("the answer to login", SOON * 3, |lines| {
        lines.iter().find(|line| line["answered"] == "login").cloned()
    })?;
    assert_eq!(answer["user"], "alice", "{answer}");
    until("the user", SOON, || device(&world, &phone.id().ok()?).ok().filter(|(user, _)| user == "alice"))?;
    Ok(())
}
