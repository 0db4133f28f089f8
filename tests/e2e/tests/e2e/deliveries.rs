//! What became of it: the causes of delays, as a person reads them from a running server, also after it was restarted.

use longwire_test_support::{Phones, SOON, until};
use serde_json::{Value, json};

use crate::world::{World, id_of};

impl World {
    /// A device's delivery of a notification, once it is as asked.
    fn delivery(&self, id: &str, device: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> anyhow::Result<Value> {
        until(&format!("the delivery of {id}: {what}"), SOON, || {
            let answer = self.api.get(&format!("/v1/notifications/{id}/deliveries")).ok()?.json();
            let items = answer.get("items")?.as_array()?.clone();
            items.into_iter().find(|item| item.get("device").and_then(Value::as_str) == Some(device) && is_so(item))
        })
    }

    fn send(&self, body: &Value) -> anyhow::Result<String> {
        let answer = self.api.post("/v1/notifications", body)?;
        anyhow::ensure!(answer.status == 202, "{body} was answered {} {}", answer.status, answer.text());
        Ok(id_of(&answer.json()))
    }

    /// Kills a phone, and waits until the server has noticed.
    fn lose(&self, phone: &mut Phones) -> anyhow::Result<()> {
        phone.kill();
        until("the server to notice", SOON, || {
            let devices = self.api.get("/v1/devices").ok()?.json();
            let items = devices.get("items")?.as_array()?.clone();
            items.iter().all(|item| item.get("online") == Some(&json!(false))).then_some(())
        })
    }
}

fn text<'a>(item: &'a Value, pointer: &str) -> &'a str {
    item.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn is_state(state: &str) -> impl Fn(&Value) -> bool {
    move |item| text(item, "/state") == state
}

fn causes(item: &Value) -> Vec<&str> {
    let delays = item.get("delays").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    delays.iter().map(|delay| text(delay, "/cause")).collect()
}

#[test]
fn an_offline_device_is_told_with_its_times_also_after_a_restart() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let mut phone = world.phone("phone")?;
    let device = phone.id()?;
    world.lose(&mut phone)?;
    let id = id_of(&world.notify("all", "Door")?);
    let away = world.delivery(&id, &device, "accepted", is_state("accepted"))?;
    assert_eq!(causes(&away), ["offline"], "{away}");
    assert_eq!(text(&away, "/delays/0/from"), text(&away, "/at/accepted"));
    assert_eq!(away.pointer("/delays/0/to"), Some(&Value::Null));
    assert!(text(&away, "/delays/0/since") <= text(&away, "/at/accepted"), "{away}");
    let cause = format!("offline since {}: its connection was lost", text(&away, "/delays/0/since"));
    assert_eq!(text(&away, "/cause"), cause);
    world.server.kill();
    world.server.start_again()?;
    let again = world.delivery(&id, &device, "accepted", is_state("accepted"))?;
    assert_eq!(again.get("delays"), away.get("delays"), "what was known is known after a restart");
    phone.start_again()?;
    phone.shown(&id)?;
    let there = world.delivery(&id, &device, "delivered", is_state("delivered"))?;
    assert_eq!(causes(&there), ["offline"], "{there}");
    assert_eq!(text(&there, "/delays/0/from"), text(&there, "/at/accepted"));
    assert!(text(&there, "/delays/0/to") <= text(&there, "/at/sent"), "{there}");
    let cause = format!(
        "offline from {} to {}: its connection was lost",
        text(&there, "/at/accepted"),
        text(&there, "/delays/0/to")
    );
    assert_eq!(text(&there, "/cause"), cause);
    let at_once = id_of(&world.notify("all", "Bell")?);
    let at_once = world.delivery(&at_once, &device, "delivered", is_state("delivered"))?;
    assert!(!causes(&at_once).contains(&"offline"), "{at_once}");
    Ok(())
}

#[test]
fn a_restart_while_it_waits_for_its_acknowledgement_is_told() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let phone = world.phone_options("phone").with(&["--no-ack"]).start()?;
    phone.online()?;
    let device = phone.id()?;
    let id = id_of(&world.notify("all", "Door")?);
    let sent = world.delivery(&id, &device, "sent", is_state("sent"))?;
    assert_eq!(causes(&sent), ["not acknowledged"], "{sent}");
    assert!(text(&sent, "/cause").starts_with("not acknowledged since "), "{sent}");
    world.server.kill();
    world.server.start_again()?;
    let is_back = |item: &Value| causes(item).contains(&"server down");
    let back = world.delivery(&id, &device, "after the restart", is_back)?;
    let down = causes(&back).iter().position(|cause| *cause == "server down").unwrap_or_default();
    assert!(text(&back, &format!("/delays/{down}/from")) < text(&back, &format!("/delays/{down}/to")), "{back}");
    assert!(text(&back, &format!("/delays/{down}/detail")).contains("ran again at"), "{back}");
    Ok(())
}

#[test]
fn the_background_lane_waits_for_the_heartbeat() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone_options("phone").with(&["--heartbeat", "3"]).start()?;
    phone.online()?;
    let device = phone.id()?;
    // Sent right after a heartbeat or a moment before one: of several, one waits for longer than a moment.
    let mut waited = Vec::new();
    for _ in 0..5 {
        let id = world.send(&json!({ "to": "all", "title": "Later", "lane": "background" }))?;
        let waiting = world.delivery(&id, &device, "told", |item| !text(item, "/state").is_empty())?;
        if text(&waiting, "/state") == "accepted" {
            assert!(text(&waiting, "/cause").starts_with("background lane since "), "{waiting}");
        }
        let item = world.delivery(&id, &device, "delivered", is_state("delivered"))?;
        waited.extend(causes(&item).iter().map(|cause| (*cause).to_owned()));
        if !waited.is_empty() {
            break;
        }
    }
    assert_eq!(waited, ["background lane"]);
    Ok(())
}

#[test]
fn a_window_without_acknowledgements_is_told() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone_options("phone").with(&["--no-ack"]).start()?;
    phone.online()?;
    let device = phone.id()?;
    let ids: Vec<String> =
        (0..66).map(|n| world.notify("all", &format!("{n}")).map(|answer| id_of(&answer))).collect::<Result<_, _>>()?;
    let (first, last) = (ids.first().expect("sixty-six"), ids.last().expect("sixty-six"));
    let sent = world.delivery(first, &device, "sent", is_state("sent"))?;
    assert_eq!(causes(&sent), ["not acknowledged"], "{sent}");
    let held = world.delivery(last, &device, "held", is_state("accepted"))?;
    assert_eq!(causes(&held), ["window full"], "{held}");
    assert!(text(&held, "/cause").starts_with("window full since "), "{held}");
    Ok(())
}

#[test]
fn ends_say_why() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = world.phone("phone")?;
    let device = phone.id()?;
    world.lose(&mut phone)?;
    let short = world.send(&json!({ "to": "all", "title": "Short", "ttl": 1 }))?;
    let older = world.send(&json!({ "to": "all", "title": "Older", "collapse_key": "k" }))?;
    let newer = world.send(&json!({ "to": "all", "title": "Newer", "collapse_key": "k" }))?;
    let filtered = world.send(&json!({ "to": "all", "title": "Beta", "filter": "tag:beta" }))?;
    let online = world.phone("online")?;
    let there = online.id()?;
    let left_out = world.send(&json!({ "to": "all", "title": "Beta", "filter": "tag:beta" }))?;
    let told = world.delivery(&left_out, &there, "filtered at once", is_state("filtered"))?;
    assert_eq!((causes(&told), text(&told, "/at/filtered")), (Vec::new(), text(&told, "/at/accepted")), "{told}");
    let expired = world.delivery(&short, &device, "expired", is_state("expired"))?;
    assert!(text(&expired, "/cause").starts_with("expired while offline since "), "{expired}");
    assert_eq!(causes(&expired), ["offline"]);
    assert_eq!(text(&expired, "/delays/0/to"), text(&expired, "/at/expired"));
    let superseded = world.delivery(&older, &device, "superseded", is_state("superseded"))?;
    assert_eq!(text(&superseded, "/cause"), format!("superseded by {newer}"));
    phone.start_again()?;
    phone.shown(&newer)?;
    let filtered = world.delivery(&filtered, &device, "filtered", is_state("filtered"))?;
    assert_eq!(text(&filtered, "/cause"), "filtered: tag:beta");
    // The cursor has passed them: what was said stays.
    assert_eq!(
        text(&world.delivery(&short, &device, "expired", is_state("expired"))?, "/cause"),
        text(&expired, "/cause")
    );
    Ok(())
}
