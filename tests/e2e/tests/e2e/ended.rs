//! AUTH-22: who is disabled, changed or removed is out within five seconds.

use std::time::Duration;

use anyhow::ensure;
use longwire_test_support::process::{longwire, printed};
use longwire_test_support::wire::Wire;
use longwire_test_support::{PhoneOptions, SOON, until};
use serde_json::{Value, json};

use crate::raw::{Raw, auth};
use crate::world::{World, id_of};

/// How long a session may outlive what it was made with.
const FIVE_SECONDS: Duration = Duration::from_secs(5);

/// A login is refused, with this condition.
fn is_refused(world: &World, name: &str, password: &str, condition: &str) -> anyhow::Result<()> {
    let mut wire = Wire::tls(&world.server.ready.c2s_tls, &world.server.ready.certificate)?;
    wire.open()?;
    wire.send(&auth(name, password))?;
    let said = wire.expect("</failure>")?;
    ensure!(said.contains(condition), "{said}");
    Ok(())
}

fn is_ended(session: &mut Raw) -> anyhow::Result<()> {
    let end = session.wire.expect_close(FIVE_SECONDS)?;
    ensure!(end.contains("<not-authorized"), "{end}");
    Ok(())
}

#[test]
fn auth_22_a_disabled_account_is_out_until_it_is_enabled() -> anyhow::Result<()> {
    let world = World::new()?;
    let data = world.server.data();
    let mut session = Raw::register(&world.server, "romeo", "secret-word")?.bound("a")?;
    printed(&longwire(data, &["account", "disable", "romeo"])?)?;
    is_ended(&mut session)?;
    is_refused(&world, "romeo", "secret-word", "account-disabled")?;
    is_refused(&world, "romeo", "wrong", "not-authorized")?;
    assert!(printed(&longwire(data, &["account", "list", "--json"])?)?.contains("\"disabled\":true"));
    printed(&longwire(data, &["account", "enable", "romeo"])?)?;
    drop(Raw::logged_in(&world.server, "romeo", "secret-word")?.bound("a")?);
    let nobody = longwire(data, &["account", "disable", "nobody"])?;
    let said = String::from_utf8_lossy(&nobody.stderr).into_owned();
    assert!(!nobody.status.success() && said.contains("could not be disabled: there is no such account"), "{said}");
    for line in ["an account was disabled by=\"operator\" what=\"romeo\"", "an account was enabled by=\"operator\""] {
        until("what was done to be logged", SOON, || world.server.log().contains(line).then_some(()))?;
    }
    assert!(!world.server.log().contains("what=\"nobody\""), "nothing was done");
    Ok(())
}

#[test]
fn auth_22_another_password_ends_what_the_former_one_made() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut session = Raw::register(&world.server, "romeo", "secret-word")?.bound("a")?;
    let made = printed(&longwire(world.server.data(), &["account", "password", "romeo"])?)?;
    is_ended(&mut session)?;
    is_refused(&world, "romeo", "secret-word", "not-authorized")?;
    // In band: who asks for it stays, the others go.
    let mut own = Raw::logged_in(&world.server, "romeo", &made)?.bound("a")?;
    let mut other = Raw::logged_in(&world.server, "romeo", &made)?.bound("b")?;
    own.wire.send(
        "<iq type='set' id='change'><query xmlns='jabber:iq:register'><username>romeo</username>\
         <password>own-word</password></query></iq>",
    )?;
    own.wire.expect("change")?;
    is_ended(&mut other)?;
    own.wire.send("<iq type='get' id='alive' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")?;
    own.wire.expect("alive")?;
    is_refused(&world, "romeo", &made, "not-authorized")
}

#[test]
fn auth_22_a_login_that_began_before_the_change_comes_to_nothing() -> anyhow::Result<()> {
    let world = World::new()?;
    drop(Raw::register(&world.server, "romeo", "secret-word")?);
    // Proven, and not bound yet.
    let waiting = Raw::logged_in(&world.server, "romeo", "secret-word")?;
    printed(&longwire(world.server.data(), &["account", "password", "romeo"])?)?;
    let Raw { mut wire, .. } = waiting;
    wire.send("<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>")?;
    let said = until("an answer", SOON, || {
        let (bytes, is_closed) = wire.take();
        (!bytes.is_empty() || is_closed).then(|| String::from_utf8_lossy(&bytes).into_owned())
    })?;
    ensure!(!said.contains("type='result'") && !said.contains("type=\"result\""), "it is bound: {said}");
    Ok(())
}

#[test]
fn auth_22_a_phone_waits_while_its_account_is_disabled_and_misses_nothing() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = PhoneOptions::new(&world.server, &world.place.path().join("phone")).start()?;
    phone.online()?;
    let mark = phone.mark();
    let devices = world.api.get("/v1/devices")?.json();
    let account = devices.pointer("/items/0/account").and_then(Value::as_str).unwrap_or_default().to_owned();
    let path = format!("/v1/accounts/{account}");
    let disabled = world.api.send("PATCH", &path, &[], json!({ "disabled": true }).to_string().as_bytes())?;
    assert_eq!(disabled.status, 204, "{}", disabled.text());
    phone.state_after(mark, "waiting", FIVE_SECONDS)?;
    let sent = id_of(&world.notify("all", "waits")?);
    phone.kill();
    phone.start_again()?;
    phone.state_after(0, "waiting", SOON)?;
    assert!(phone.all_shown().is_empty());
    let enabled = world.api.send("PATCH", &path, &[], json!({ "disabled": false }).to_string().as_bytes())?;
    assert_eq!(enabled.status, 204, "{}", enabled.text());
    phone.kill();
    phone.start_again()?;
    phone.shown(&sent)?;
    let devices = world.api.get("/v1/devices")?.json();
    assert_eq!(devices.pointer("/items/0/account"), Some(&json!(account)), "it is the same account");
    Ok(())
}
