//! Who may register off loopback: app keys from the operator's command to the phone.

use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::keep::secret_of;
use longwire_test_support::process::{longwire, printed};
use longwire_test_support::{PhoneOptions, SOON, Server, ServerOptions, TempDir, Wire, folder};
use serde_json::Value;

use crate::raw::{Raw, auth};
use crate::world::{World, id_of};

/// How long a session may outlive what it was made with.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// A world whose server listens beyond loopback, and says nothing about registration unless `more` does.
fn world(more: &[&str]) -> anyhow::Result<World> {
    let place: TempDir = folder();
    let options = ServerOptions::new(&place.path().join("server")).with_c2s("0.0.0.0:0").with(more);
    let mut server = options.start()?;
    let api = server.admin()?;
    Ok(World { server, api, place })
}

fn create(server: &Server) -> anyhow::Result<String> {
    let key = printed(&longwire(server.data(), &["app", "key", "create", "--label", "android"])?)?;
    ensure!(key.starts_with("lwa_") && !key.contains(char::is_whitespace), "the key is printed alone: {key:?}");
    Ok(key)
}

fn with_key(world: &World, name: &str, key: Option<&str>) -> PhoneOptions {
    let options = world.phone_options(name);
    match key {
        Some(key) => options.with(&["--app-key", key]),
        None => options,
    }
}

/// The reason of a phone that is blocked, once it is.
fn blocked(options: &PhoneOptions) -> anyhow::Result<(String, String)> {
    let phone = options.start()?;
    let line = phone.state_after(0, "blocked", SOON)?;
    ensure!(line.get("for_ms").is_some_and(Value::is_u64), "it says when it tries again: {line}");
    let text = |key: &str| line.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok((text("why"), text("text")))
}

/// One IQ before login, and its answer.
fn ask(wire: &mut Wire, iq: &str) -> anyhow::Result<String> {
    wire.send(iq)?;
    let answer = wire.expect(">")?;
    Ok(if answer.ends_with("/>") && answer.contains("<iq") { answer } else { answer + &wire.expect("</iq>")? })
}

fn preauth(key: &str) -> String {
    format!("<iq type='set' to='localhost' id='pa1'><preauth xmlns='urn:xmpp:pars:0' token='{key}'/></iq>")
}

fn register(name: &str) -> String {
    format!(
        "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>{name}</username><password>secret-word</password></query></iq>"
    )
}

#[test]
fn off_loopback_a_device_registers_with_an_app_key_and_outlives_it() -> anyhow::Result<()> {
    let mut world = world(&[])?;
    let is_it = |line: &str| line.contains("registration is app-key") && line.contains("longwire app key create");
    world.server.logged("who may register", is_it)?;
    let (why, text) = blocked(&with_key(&world, "keyless", None))?;
    assert_eq!(why, "app-key-needed", "{text}");
    let key = create(&world.server)?;
    let wrong = format!("{key}x");
    let (why, text) = blocked(&with_key(&world, "wrong", Some(&wrong)))?;
    assert_eq!(why, "app-key-refused", "{text}");
    ensure!(text.contains("unknown or revoked") && text.contains("--app-key"), "{text}");
    let id = key.split('_').nth(1).context("an id")?;
    world.server.logged("the refused key", |line| line.contains("an app key was refused") && line.contains(id))?;
    let phone = with_key(&world, "phone", Some(&key)).start()?;
    world.still_serves(&phone)?;
    let list = printed(&longwire(world.server.data(), &["app", "key", "list", "--json"])?)?;
    let list: Value = serde_json::from_str(&list)?;
    assert_eq!(list.pointer("/0/registrations"), Some(&Value::from(1)), "{list}");
    longwire(world.server.data(), &["app", "key", "revoke", &key]).map(|output| printed(&output))??;
    world.still_serves(&phone)?;
    drop(phone);
    let phone = with_key(&world, "phone", Some(&key)).start()?;
    world.still_serves(&phone).context("a device that was registered stays, also over a new start")?;
    let (why, text) = blocked(&with_key(&world, "late", Some(&key)))?;
    assert_eq!(why, "app-key-refused", "{text}");
    world.server.terminate(SOON)?;
    let logs = world.server.log() + &phone.log();
    assert!(!logs.contains(secret_of(&key)), "a log shows the key");
    Ok(())
}

#[test]
fn any_client_registers_with_the_key_by_xep_0445() -> anyhow::Result<()> {
    let world = world(&[])?;
    let key = create(&world.server)?;
    let ready = &world.server.ready;
    let mut wire = Wire::tls(&ready.c2s_tls, &ready.certificate)?;
    wire.open()?;
    let refused = ask(&mut wire, &register("romeo"))?;
    assert!(refused.contains("type='error'") && refused.contains("not-authorized"), "{refused}");
    let refused = ask(&mut wire, &preauth("lwa_0_0"))?;
    assert!(refused.contains("item-not-found") && refused.contains("from='localhost'"), "{refused}");
    let good = ask(&mut wire, &preauth(&key))?;
    assert!(good.contains("type='result'") && good.contains("id='pa1'"), "{good}");
    let good = ask(&mut wire, &register("romeo"))?;
    assert!(good.contains("type='result'"), "{good}");
    wire.send(&auth("romeo", "secret-word"))?;
    wire.expect("<success")?;
    drop(Raw::logged_in(&world.server, "romeo", "secret-word")?);
    let mut guesser = Wire::tls(&ready.c2s_tls, &ready.certificate)?;
    guesser.open()?;
    for _ in 0..5 {
        guesser.send(&preauth("lwa_0_0"))?;
    }
    guesser.expect("policy-violation")?;
    guesser.expect_close(SOON)?;
    Ok(())
}

#[test]
fn closed_admits_no_key_and_open_needs_none() -> anyhow::Result<()> {
    let closed = world(&["--registration", "closed"])?;
    let key = create(&closed.server)?;
    let (why, text) = blocked(&with_key(&closed, "phone", Some(&key)))?;
    assert_eq!(why, "registration-refused", "{text}");
    let open = world(&["--registration", "open"])?;
    open.still_serves(&open.phone("keyless")?)?;
    let (why, _) = blocked(&with_key(&open, "wrong", Some(&key)))?;
    assert_eq!(why, "app-key-refused", "the key of another server");
    Ok(())
}

#[test]
fn an_account_that_is_removed_costs_a_device_nothing() -> anyhow::Result<()> {
    let world = world(&[])?;
    let key = create(&world.server)?;
    let mut phone = with_key(&world, "phone", Some(&key)).start()?;
    let device = phone.id()?;
    world.bind_user(&device, "alice")?;
    world.join(&device, "topics", "news")?;
    let before = id_of(&world.notify("user:alice", "Before")?);
    phone.shown(&before)?;
    phone.terminate(SOON)?;
    let kept = phone.all_shown();
    let missed = id_of(&world.notify("user:alice", "While away")?);
    let accounts = printed(&longwire(world.server.data(), &["account", "list", "--json"])?)?;
    let accounts: Value = serde_json::from_str(&accounts)?;
    let account = accounts.pointer("/0/name").and_then(Value::as_str).context("the phone's account")?.to_owned();
    printed(&longwire(world.server.data(), &["account", "remove", &account])?)?;
    phone.start_again()?;
    assert_eq!(phone.id()?, device, "the installation secret proves the device");
    phone.shown(&missed)?;
    let by_topic = id_of(&world.notify("topic:news", "After")?);
    phone.shown(&by_topic)?;
    let by_user = id_of(&world.notify("user:alice", "After")?);
    phone.shown(&by_user)?;
    assert_eq!(kept, [before]);
    assert_eq!(phone.all_shown(), [missed, by_topic, by_user], "nothing is lost, nothing is doubled");
    Ok(())
}

#[test]
fn auth_22_whom_a_leaked_key_admitted_is_out_with_it_when_that_is_asked_for() -> anyhow::Result<()> {
    let world = world(&[])?;
    let (leaked, other) = (create(&world.server)?, create(&world.server)?);
    let mut stranger = with_key(&world, "stranger", Some(&leaked)).start()?;
    stranger.online()?;
    let mark = stranger.mark();
    let phone = with_key(&world, "phone", Some(&other)).start()?;
    phone.online()?;
    let id = leaked.split('_').nth(1).context("an id")?;
    printed(&longwire(world.server.data(), &["app", "key", "revoke", id, "--disable-accounts"])?)?;
    stranger.state_after(mark, "waiting", FIVE_SECONDS)?;
    world.still_serves(&phone)?;
    let accounts = printed(&longwire(world.server.data(), &["account", "list", "--json"])?)?;
    let accounts: Vec<Value> = serde_json::from_str(&accounts)?;
    let disabled = |account: &&Value| account.get("disabled") == Some(&Value::Bool(true));
    let out: Vec<&Value> = accounts.iter().filter(disabled).collect();
    ensure!(out.len() == 1 && accounts.len() == 2, "{accounts:?}");
    assert_eq!(out.first().and_then(|account| account.get("app_key")), Some(&Value::from(id)));
    // One of them was honest: it comes back with what it has missed.
    let sent = id_of(&world.notify("all", "missed")?);
    let name = out.first().and_then(|account| account.get("name")?.as_str()).context("a name")?;
    printed(&longwire(world.server.data(), &["account", "enable", name])?)?;
    stranger.kill();
    stranger.start_again()?;
    stranger.shown(&sent).map(drop)
}
