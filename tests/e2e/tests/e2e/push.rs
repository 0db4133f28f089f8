//! From the POST to the screen, over each road and to each kind of audience.

use longwire_test_support::{PhoneOptions, Phones, SOON, until};
use serde_json::{Value, json};

use crate::raw::Raw;
use crate::world::{World, id_of};

/// Posts to every kind of audience and sees it on the phone, and on a bystander only what is for all.
fn every_kind_of_audience(world: &World, phone: &Phones) -> anyhow::Result<()> {
    let bystander = world.phone("bystander")?;
    let device = phone.id()?;
    world.bind_user(&device, "alice")?;
    world.join(&device, "topics", "news")?;
    world.join(&device, "tags", "beta")?;
    let own = format!("device:{device}");
    let several = json!([own, "user:alice", "topic:news", "tag:beta", "user:nobody"]);
    let audiences = [json!(own), json!("user:alice"), json!("topic:news"), json!("tag:beta"), several];
    for to in audiences {
        let answer = world.notify(to.clone(), &format!("to {to}"))?;
        assert_eq!(answer.get("audience"), Some(&json!(1)), "{to}: {answer}");
        let id = id_of(&answer);
        let shown = phone.shown(&id)?;
        assert_eq!(shown.get("title"), Some(&json!(format!("to {to}"))), "{shown}");
        assert_eq!(shown.get("body"), Some(&json!("Bell")), "{shown}");
        world.delivered(&id, &device)?;
        assert_eq!(world.state(&id, &bystander.id()?)?, None, "{to} is told of a device that it is not for");
    }
    let answer = world.notify("all", "to all")?;
    assert_eq!(answer.get("audience"), Some(&json!(2)));
    let id = id_of(&answer);
    phone.shown(&id)?;
    bystander.shown(&id)?;
    // Order within a lane: with the last one on its screen, nothing earlier is still on its way.
    assert_eq!(bystander.all_shown(), [id]);
    assert_eq!(phone.all_shown().len(), 6);
    Ok(())
}

#[test]
fn direct_tls_reaches_every_kind_of_audience() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    every_kind_of_audience(&world, &phone)
}

#[test]
fn starttls_reaches_every_kind_of_audience() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone_options("phone").over_starttls(&world.server).start()?;
    phone.online()?;
    every_kind_of_audience(&world, &phone)
}

#[test]
fn the_status_tells_the_whole_way() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let device = phone.id()?;
    let body = json!({ "to": format!("device:{device}"), "title": "Door", "body": "Bell", "data": { "kind": "x" }, "ttl": 60 });
    let answer = world.api.post("/v1/notifications", &body)?;
    let id = answer.field("id");
    assert_eq!(answer.status, 202);
    assert_eq!(answer.header("location"), Some(format!("/v1/notifications/{id}").as_str()));
    let shown = phone.shown(&id)?;
    assert_eq!(shown.pointer("/data/kind"), Some(&json!("x")), "{shown}");
    let state = world.delivered(&id, &device)?;
    let record = world.api.get(&format!("/v1/notifications/{id}"))?.json();
    assert_eq!(record.get("id"), Some(&json!(id)));
    assert_eq!(record.get("audience"), Some(&json!(1)), "{record}");
    assert!(
        record.get("counts").and_then(Value::as_object).is_some_and(|counts| counts.len() == 1),
        "{record} {state}"
    );
    for field in ["state", "created_at", "expires_at"] {
        assert!(record.get(field).is_some_and(Value::is_string), "{field}: {record}");
    }
    let deliveries = world.api.get(&format!("/v1/notifications/{id}/deliveries"))?.json();
    let at = deliveries.pointer("/items/0/at").and_then(Value::as_object).expect("each state has its time");
    assert!(at.contains_key("accepted") && at.contains_key("delivered"), "{deliveries}");
    Ok(())
}

#[test]
fn a_phone_that_was_away_gets_what_waits_and_not_what_was_recalled() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = world.phone("phone")?;
    let device = phone.id()?;
    phone.kill();
    let kept = id_of(&world.notify("all", "kept")?);
    let recalled = id_of(&world.notify("all", "recalled")?);
    let answer = world.api.delete(&format!("/v1/notifications/{recalled}"))?;
    assert_eq!(answer.status / 100, 2, "{}", answer.text());
    let last = id_of(&world.notify("all", "last")?);
    phone.start_again()?;
    phone.shown(&last)?;
    assert_eq!(phone.all_shown(), [kept.clone(), last]);
    world.delivered(&kept, &device)?;
    assert_eq!(world.state(&recalled, &device)?.as_deref(), Some("recalled"));
    Ok(())
}

#[test]
fn a_killed_server_comes_back_with_everything() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let phone = world.phone("phone")?;
    let device = phone.id()?;
    let before = id_of(&world.notify("all", "before")?);
    phone.shown(&before)?;
    world.server.kill();
    world.server.start_again()?;
    let after = id_of(&world.notify("all", "after")?);
    phone.shown(&after)?;
    world.delivered(&before, &device)?;
    world.delivered(&after, &device)?;
    assert_eq!(phone.all_shown(), [before, after]);
    Ok(())
}

#[test]
fn two_devices_of_one_account_each_get_their_own() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut one = Raw::register(&world.server, "twin", "secret-word")?.bound("one")?;
    let mut two = Raw::logged_in(&world.server, "twin", "secret-word")?.bound("two")?;
    one.is_available()?;
    two.is_available()?;
    let devices = devices_of(&world, "twin")?;
    let [first, second] = devices.as_slice() else { panic!("one account, two devices: {devices:?}") };
    world.bind_user(first, "alice")?;
    world.bind_user(second, "alice")?;
    let both = world.notify("user:alice", "for both")?;
    assert_eq!(both.get("audience"), Some(&json!(2)));
    one.takes_push(&id_of(&both))?;
    two.takes_push(&id_of(&both))?;
    world.delivered(&id_of(&both), first)?;
    world.delivered(&id_of(&both), second)?;
    // To one of them alone: the other must not get it, and gets what follows.
    let single = id_of(&world.notify(format!("device:{first}"), "for one")?);
    let everybody = id_of(&world.notify("all", "for all")?);
    let (owner, other) = if one.has_push(&single)? { (&mut one, &mut two) } else { (&mut two, &mut one) };
    owner.takes_push(&single)?;
    owner.takes_push(&everybody)?;
    let before = other.takes_push(&everybody)?;
    assert!(!before.contains(&single), "the other device of the account got it too: {before}");
    world.delivered(&single, first)?;
    assert_eq!(world.state(&single, second)?, None);
    Ok(())
}

/// The devices of an account, once both are known.
fn devices_of(world: &World, account: &str) -> anyhow::Result<Vec<String>> {
    until("both devices of the account", SOON, || {
        let answer = world.api.get("/v1/devices").ok()?.json();
        let items = answer.get("items")?.as_array()?.clone();
        let own = items
            .iter()
            .filter(|item| item.get("account").and_then(Value::as_str).is_some_and(|a| a.contains(account)));
        let ids: Vec<String> = own.filter_map(|item| item.get("id")?.as_str().map(str::to_owned)).collect();
        (ids.len() == 2).then_some(ids)
    })
}

#[test]
fn an_older_session_of_a_device_ends_when_a_newer_one_begins() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut older = Raw::register(&world.server, "solo", "secret-word")?.bound("phone")?;
    older.is_available()?;
    let _newer = Raw::logged_in(&world.server, "solo", "secret-word")?.bound("phone")?;
    let end = older.wire.expect_close(SOON)?;
    assert!(end.contains("<conflict"), "{end}");
    Ok(())
}

#[test]
fn a_server_whose_certificate_is_not_trusted_is_left_before_any_credential() -> anyhow::Result<()> {
    let world = World::new()?;
    let other = World::new()?;
    // The other server's address, with this server's certificate as the only one trusted.
    let mut ready = other.server.ready.clone();
    ready.certificate.clone_from(&world.server.ready.certificate);
    let phone = PhoneOptions::at(&ready, &world.place.path().join("phone")).start()?;
    phone.wait("a failed connection", SOON, |lines| {
        let waits = |line: &&Value| line.get("state").and_then(Value::as_str) == Some("waiting");
        lines.iter().find(waits).map(|_| ())
    })?;
    let devices = other.api.get("/v1/devices")?.json();
    assert_eq!(devices.get("items"), Some(&json!([])), "{devices}");
    Ok(())
}
