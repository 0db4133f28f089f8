//! New content for what is shown and for what waits, and the actions that people use.

use anyhow::{Context, ensure};
use longwire_test_support::process::{longwire, printed};
use longwire_test_support::{Phones, SOON, until};
use serde_json::{Value, json};

use crate::world::{World, id_of};

/// Changes a notification, which must be accepted; gives the id of the change.
fn change(world: &World, id: &str, body: &Value) -> anyhow::Result<String> {
    let answer = world.api.send("PATCH", &format!("/v1/notifications/{id}"), &[], body.to_string().as_bytes())?;
    ensure!(answer.status == 202, "{body} was answered {} {}", answer.status, answer.text());
    ensure!(answer.field("id") == id && answer.field("state") == "accepted", "{}", answer.text());
    Ok(answer.field("update"))
}

/// Waits until a phone shows this as the title of the notification.
fn shows(phone: &Phones, id: &str, title: &str) -> anyhow::Result<Value> {
    phone.wait(&format!("{title:?} on the screen"), SOON, |lines| {
        let shown = lines.iter().filter_map(|line| line.get("notification"));
        shown.filter(|shown| is_of(shown, id)).find(|shown| shown.get("title") == Some(&json!(title))).cloned()
    })
}

fn is_of(shown: &Value, id: &str) -> bool {
    shown.get("id").and_then(Value::as_str) == Some(id)
}

/// The titles under which a phone has shown a notification, each with whether that was an update.
fn titles(phone: &Phones, id: &str) -> Vec<(String, bool)> {
    let lines = phone.lines();
    let shown = lines.iter().filter_map(|line| line.get("notification")).filter(|shown| is_of(shown, id));
    let title = |shown: &Value| shown.get("title").and_then(Value::as_str).unwrap_or_default().to_owned();
    shown.map(|shown| (title(shown), shown.get("update").is_some())).collect()
}

#[test]
fn what_is_shown_is_replaced_and_who_was_away_sees_the_newest_alone() -> anyhow::Result<()> {
    let world = World::new()?;
    let here = world.phone("here")?;
    let mut away = world.phone("away")?;
    let (here_id, away_id) = (here.id()?, away.id()?);
    ensure!(away.terminate(SOON)?.success(), "the phone ends well");
    let id = id_of(&world.notify("all", "First")?);
    shows(&here, &id, "First")?;
    change(&world, &id, &json!({ "title": "Second", "data": { "n": "2" } }))?;
    shows(&here, &id, "Second")?;
    change(&world, &id, &json!({ "title": "Third" }))?;
    let third = shows(&here, &id, "Third")?;
    // Each change was made to what the one before had made.
    assert_eq!(
        (&third["body"], &third["data"], &third["update"]),
        (&json!("Bell"), &json!({ "n": "2" }), &json!(true))
    );
    away.start_again()?;
    let mark = id_of(&world.notify(format!("device:{away_id}"), "Last")?);
    away.shown(&mark)?;
    assert_eq!(titles(&away, &id), [("Third".to_owned(), false)]);
    let first = ["First", "Second", "Third"].map(str::to_owned);
    assert_eq!(titles(&here, &id), first.into_iter().zip([false, true, true]).collect::<Vec<_>>());
    for device in [&here_id, &away_id] {
        world.delivered(&id, device)?;
    }
    Ok(())
}

#[test]
fn what_a_person_closed_is_not_brought_back_by_an_update() -> anyhow::Result<()> {
    let world = World::new()?;
    let mut phone = world.phone("phone")?;
    let device = phone.id()?;
    let id = id_of(&world.notify("all", "First")?);
    phone.shown(&id)?;
    phone.tell(&format!("dismiss {id}"))?;
    until("the dismissal", SOON, || world.state(&id, &device).ok().flatten().filter(|state| state == "dismissed"))?;
    change(&world, &id, &json!({ "title": "Second" }))?;
    world.still_serves(&phone)?;
    assert_eq!(titles(&phone, &id), [("First".to_owned(), false)]);
    Ok(())
}

#[test]
fn an_operator_updates_by_command() -> anyhow::Result<()> {
    let world = World::new()?;
    let phone = world.phone("phone")?;
    let run = |arguments: &[&str]| printed(&longwire(world.server.data(), arguments)?);
    let look = ["--image", "https://example.com/a.png", "--group", "doors", "--sound", "none"];
    let act = ["--action", "open=Open", "--reply", "answer=Answer"];
    let sent = run(&[&["send", "--to", "all", "--title", "Door"][..], &look, &act].concat())?;
    let id = id_of(&serde_json::from_str(&sent)?);
    let shown = phone.shown(&id)?;
    assert_eq!((&shown["image"], &shown["group"], &shown["sound"]), (&json!(look[1]), &json!("doors"), &json!("none")));
    let actions = json!([{ "id": "open", "title": "Open" }, { "id": "answer", "title": "Answer", "reply": true }]);
    assert_eq!(shown["actions"], actions);
    run(&["update", &id, "--title", "Window", "--remove", "image", "--remove", "actions"])?;
    let shown = shows(&phone, &id, "Window")?;
    assert_eq!((&shown["group"], shown.get("image"), shown.get("actions")), (&json!("doors"), None, None));
    let refused = longwire(world.server.data(), &["update", &id, "--remove", "title"])?;
    ensure!(!refused.status.success(), "nothing would be left");
    Ok(())
}

/// The uses of actions on the only device, as the API tells them.
fn used(world: &World, id: &str) -> anyhow::Result<Vec<Value>> {
    let answer = world.api.get(&format!("/v1/notifications/{id}/deliveries"))?.json();
    let actions = answer.pointer("/items/0/actions").and_then(Value::as_array).context("the item has actions")?;
    Ok(actions.clone())
}

#[test]
fn actions_and_replies_are_told_also_when_the_server_was_away() -> anyhow::Result<()> {
    let mut world = World::new()?;
    let mut phone = world.phone("phone")?;
    let device = phone.id()?;
    let body = json!({ "to": "all", "title": "Door", "actions": [{ "id": "answer", "title": "Answer", "reply": true }, { "id": "no", "title": "No" }] });
    let id = world.api.post("/v1/notifications", &body)?.field("id");
    phone.shown(&id)?;
    phone.tell(&format!("action {id} answer I am  coming <now>"))?;
    let told = until("the reply", SOON, || used(&world, &id).ok().filter(|used| !used.is_empty()))?;
    assert_eq!((&told[0]["action"], &told[0]["text"]), (&json!("answer"), &json!("I am  coming <now>")));
    assert_eq!(world.state(&id, &device)?.as_deref(), Some("opened"));
    world.server.kill();
    phone.tell(&format!("action {id} no"))?;
    world.server.start_again()?;
    let told = until("the action", SOON * 3, || used(&world, &id).ok().filter(|used| used.len() > 1))?;
    assert_eq!((told.len(), &told[1]["action"], told[1].get("text")), (2, &json!("no"), None));
    Ok(())
}
