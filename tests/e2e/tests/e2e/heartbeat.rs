//! A phone behind a NAT that forgets idle connections: it finds out how long it may be silent, and nothing is lost meanwhile.

use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_model::Timestamp;
use longwire_test_support::process::longwire;
use longwire_test_support::{Nat, PhoneOptions, Phones, Ready, SOON, ServerOptions, folder, until};
use serde_json::Value;

use crate::world::{World, id_of};

/// Between two heartbeats of whole seconds, with room on both sides for a slow machine.
const PATIENCE: Duration = Duration::from_millis(2_750);
const HEARTBEAT_MAX_S: u64 = 6;

fn number(line: &Value) -> Option<u64> {
    line.get("heartbeat")?.as_u64()
}

/// The heartbeat in force, from the last line that tells one.
fn in_force(phone: &Phones) -> u64 {
    phone.lines().iter().rev().find_map(number).unwrap_or_default()
}

fn device(world: &World, id: &str) -> Option<Value> {
    Some(world.api.get(&format!("/v1/devices/{id}")).ok()?.json())
}

fn instant(device: &Value, field: &str) -> Option<Timestamp> {
    device.get(field)?.as_str()?.parse().ok()
}

/// Seconds between when the device was heard of and when it is expected next.
fn expected_within_s(device: &Value) -> Option<i64> {
    let (seen, next) = (instant(device, "last_seen")?, instant(device, "next_contact")?);
    Some(next.millis_since(seen) / 1_000)
}

/// Waits until the API expects the device as soon as a heartbeat of so many seconds says.
fn is_expected(world: &World, id: &str, heartbeat_s: u64) -> anyhow::Result<()> {
    let expected = i64::try_from(heartbeat_s)?;
    until(&format!("next_contact {expected} s after last_seen"), SOON, || {
        (expected_within_s(&device(world, id)?)? == expected).then_some(())
    })
}

fn bounded() -> anyhow::Result<World> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server"));
    let options = options.with_variable("LONGWIRE_HEARTBEAT_MIN", "1");
    let mut server = options.with_variable("LONGWIRE_HEARTBEAT_MAX", &HEARTBEAT_MAX_S.to_string()).start()?;
    let api = server.admin()?;
    Ok(World { server, api, place })
}

#[test]
fn a_phone_adapts_to_its_network_and_loses_nothing_on_the_way() -> anyhow::Result<()> {
    let mut world = bounded()?;
    let nat = Nat::start(&world.server.ready.c2s_tls, PATIENCE)?;
    let behind = Ready { c2s_tls: nat.address.clone(), ..world.server.ready.clone() };
    let options = PhoneOptions::at(&behind, &world.place.path().join("phone"));
    let mut phone = options.with(&["--network", "nat"]).start()?;
    phone.online()?;
    let id = phone.id()?;
    assert_eq!(in_force(&phone), HEARTBEAT_MAX_S, "an unknown network begins at the default, within the bounds");
    is_expected(&world, &id, HEARTBEAT_MAX_S)?;

    // What is sent into each silence that is too long arrives all the same.
    let mut sent = Vec::new();
    while u128::from(in_force(&phone)) * 1_000 > PATIENCE.as_millis() {
        let mark = phone.mark();
        until("a forgotten connection", SOON, || nat.is_forgotten().then_some(()))?;
        sent.push(id_of(&world.notify(format!("device:{id}"), "Into the silence")?));
        phone.state_after(mark, "online", SOON)?;
        phone.shown(sent.last().context("one was sent")?)?;
        ensure!(sent.len() <= 3, "it does not adapt: {} s", in_force(&phone));
    }
    until("four heartbeats in a row that survive", SOON, || (nat.survived() >= 4).then_some(()))?;
    let settled_s = in_force(&phone);
    assert!((1..=2).contains(&settled_s), "{settled_s} s");
    is_expected(&world, &id, settled_s)?;
    let (cuts, connections) = (nat.cuts(), nat.connections());
    assert!((1..=4).contains(&cuts) && connections == cuts + 1, "{cuts} cuts, {connections} connections");
    sent.push(id_of(&world.notify(format!("device:{id}"), "At once")?));
    for notification in &sent {
        phone.shown(notification)?;
        world.delivered(notification, &id)?;
    }
    assert_eq!(phone.all_shown(), sent, "each once, in order");

    overdue_and_remembered(&mut world, &mut phone, &id)
}

/// The phone dies, and the server after it: it is overdue by what it promised last, and knows its network when it is back.
fn overdue_and_remembered(world: &mut World, phone: &mut Phones, id: &str) -> anyhow::Result<()> {
    phone.kill();
    // It may have learned more since it was looked at.
    let settled_s = in_force(phone);
    let is_offline = |device: &Value| device.get("online") == Some(&Value::Bool(false));
    // What it promised last is written when it goes: a record read in that instant may be older.
    let settled = Some(i64::try_from(settled_s)?);
    let gone = until("the device to be offline, and expected by its last promise", SOON, || {
        device(world, id).filter(is_offline).filter(|gone| expected_within_s(gone) == settled)
    })?;
    let listed = longwire(world.server.data(), &["device", "list"])?;
    let next = gone.get("next_contact").and_then(Value::as_str).context("a time")?;
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains(next), "{next} is not in: {listed}");
    world.server.kill();
    world.server.start_again()?;
    world.api = world.server.admin()?;
    let again = until("the device after a restart", SOON, || device(world, id).filter(is_offline))?;
    assert_eq!(again.get("next_contact"), gone.get("next_contact"));
    phone.start_again()?;
    phone.online()?;
    let remembered_s = in_force(phone);
    assert_eq!(remembered_s, settled_s, "it knows the network");
    is_expected(world, id, settled_s)
}

#[test]
fn a_fixed_heartbeat_keeps_within_the_operators_bounds() -> anyhow::Result<()> {
    let world = bounded()?;
    let phone = world.phone_options("phone").with(&["--heartbeat", "3600"]).start()?;
    phone.online()?;
    assert_eq!(in_force(&phone), HEARTBEAT_MAX_S);
    is_expected(&world, &phone.id()?, HEARTBEAT_MAX_S)
}
