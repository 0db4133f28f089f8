//! Pushes to original clients: as their IQ, once as far as such a client can, kept while they are away; and what the forks report.

use anyhow::Context;
use longwire_test_support::{SOON, ServerOptions, folder, until};
use serde_json::{Value, json};

use super::client::{Old, PASSWORD, field, fields};
use super::{online, world};
use crate::raw::Raw;
use crate::world::{World, id_of};

const NAME: &str = "2c027d44cf234d1080e9c9353220f757";

/// The server's id of an account's device.
fn device_of(world: &World, account: &str) -> anyhow::Result<String> {
    let devices = world.api.get("/v1/devices")?.json();
    let items = devices.get("items").and_then(Value::as_array).context("items")?;
    let own = items.iter().find(|item| item.get("account").and_then(Value::as_str) == Some(account));
    own.map(id_of).with_context(|| format!("no device of {account} in {devices}"))
}

fn push(world: &World, body: &Value) -> anyhow::Result<String> {
    let answer = world.api.post("/v1/notifications", body)?;
    anyhow::ensure!(answer.status == 202, "{body} was answered {} {}", answer.status, answer.text());
    Ok(answer.field("id"))
}

#[test]
fn t1_a_push_is_an_iq_with_five_children_in_order() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let device = device_of(&world, NAME)?;
    let text = "hello & <b> \u{4f60}\u{597d} \u{1f600} \"'\n\u{20000}";
    let id = push(&world, &json!({ "to": format!("device:{device}"), "title": "T1", "body": text }))?;
    let got = old.takes_push()?;
    assert_eq!(
        (got.attr("type"), got.attr("to")),
        (Some("set"), Some(format!("{NAME}@localhost/AndroidpnClient").as_str()))
    );
    assert_eq!(fields(&got), ["id", "apiKey", "title", "message", "uri"]);
    let texts = ["id", "apiKey", "title", "message", "uri"].map(|name| field(&got, name));
    assert_eq!(texts, [id.as_str(), "1234567890", "T1", text, ""]);
    world.delivered(&id, &device)?;
    let picture = json!({
        "to": "all", "title": "T2", "body": "b", "url": "https://example.com/a?b=c&d", "image": "https://example.com/p.png"
    });
    push(&world, &picture)?;
    let got = old.takes_push()?;
    assert_eq!(fields(&got), ["id", "apiKey", "title", "message", "uri", "imageUrl"]);
    assert_eq!(
        ["uri", "imageUrl"].map(|name| field(&got, name)),
        ["https://example.com/a?b=c&d", "https://example.com/p.png"]
    );
    old.hears_nothing()
}

#[test]
fn t9_what_came_while_it_was_away_comes_at_presence_and_once() -> anyhow::Result<()> {
    let world = world()?;
    // Registered and never logged in: its pushes wait already.
    drop(Old::registered(&world.server, NAME)?);
    let device = device_of(&world, NAME)?;
    let to = format!("device:{device}");
    let first = push(&world, &json!({ "to": to, "title": "first" }))?;
    let second = push(&world, &json!({ "to": "all", "title": "second" }))?;
    let (mut old, _) = Old::plain(&world.server)?;
    old.log_in(NAME)?;
    // Nothing before presence.
    old.hears_nothing()?;
    old.is_available()?;
    assert_eq!(field(&old.takes_push()?, "id"), first);
    world.delivered(&first, &device)?;
    // The second is seen, and the connection is gone before its ping is answered: it comes again, and it alone.
    assert_eq!(field(&old.sees_push()?.0, "id"), second);
    drop(old);
    let mut old = Old::available(&world.server, NAME)?;
    assert_eq!(field(&old.takes_push()?, "id"), second);
    world.delivered(&second, &device)?;
    drop(old);
    let mut old = Old::available(&world.server, NAME)?;
    old.is_owed_nothing(&world)?;
    // Unavailable is away, connected as it may be.
    old.wire.send("<presence id=\"p\" type=\"unavailable\"></presence>")?;
    old.hears_nothing()?;
    let third = push(&world, &json!({ "to": to, "title": "third" }))?;
    old.hears_nothing()?;
    old.wire.send("<presence id=\"p\"></presence>")?;
    assert_eq!(field(&old.takes_push()?, "id"), third);
    Ok(())
}

#[test]
fn an_answer_on_the_way_out_is_taken() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let device = device_of(&world, NAME)?;
    let id = push(&world, &json!({ "to": "all", "title": "away" }))?;
    let (_, ping) = old.sees_push()?;
    // It goes away before it answers, and comes back on the same connection.
    old.wire.send("<presence id=\"p\" type=\"unavailable\"></presence>")?;
    old.answers(&ping)?;
    world.delivered(&id, &device)?;
    old.wire.send("<presence id=\"q\"></presence>")?;
    old.is_owed_nothing(&world)?;
    // The receipt of a fork, with the stream's end right behind it.
    let id = push(&world, &json!({ "to": "all", "title": "last" }))?;
    old.sees_push()?;
    old.wire.send(&format!(
        "<iq id=\"5\" type=\"set\"><deliverconfirm xmlns=\"androidpn:iq:deliverconfirm\"><uuid>{id}</uuid></deliverconfirm> \
         </iq></stream:stream>"
    ))?;
    world.delivered(&id, &device)?;
    Old::available(&world.server, NAME)?.is_owed_nothing(&world)
}

#[test]
fn t10_the_answer_to_the_ping_and_the_receipts_of_forks_say_delivered() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let device = device_of(&world, NAME)?;
    for name in ["deliverconfirm", "notification"] {
        let id = push(&world, &json!({ "to": "all", "title": name }))?;
        let (got, ping) = old.sees_push()?;
        assert_eq!(field(&got, "id"), id);
        assert_eq!(world.state(&id, &device)?.as_deref(), Some("sent"));
        old.wire.send(&format!(
            "<iq id=\"5\" type=\"set\"><{name} xmlns=\"androidpn:iq:deliverconfirm\"><uuid>{id}</uuid></{name}> </iq>"
        ))?;
        world.delivered(&id, &device)?;
        // The answer to the ping comes too, and says nothing new; nor does a receipt of what nobody sent.
        old.answers(&ping)?;
        old.wire.send(
            "<iq id=\"6\" type=\"set\"><deliverconfirm xmlns=\"androidpn:iq:deliverconfirm\"><uuid>31e1a22e</uuid>\
             </deliverconfirm> </iq>",
        )?;
        old.hears_nothing()?;
    }
    let id = push(&world, &json!({ "to": "all", "title": "ping" }))?;
    old.takes_push()?;
    world.delivered(&id, &device)?;
    Ok(())
}

#[test]
fn an_update_reaches_who_has_not_seen_it_and_makes_no_second_entry() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let seen = push(&world, &json!({ "to": "all", "title": "old" }))?;
    old.takes_push()?;
    world.delivered(&seen, &device_of(&world, NAME)?)?;
    drop(old);
    let waiting = push(&world, &json!({ "to": "all", "title": "old" }))?;
    for id in [&seen, &waiting] {
        let path = format!("/v1/notifications/{id}");
        let answer = world.api.send("PATCH", &path, &[], json!({ "title": "new" }).to_string().as_bytes())?;
        assert_eq!(answer.status, 202, "{}", answer.text());
    }
    let mut old = Old::available(&world.server, NAME)?;
    let got = old.takes_push()?;
    assert_eq!((field(&got, "id"), field(&got, "title")), (waiting, "new".to_owned()));
    old.hears_nothing()
}

#[test]
fn what_may_wait_comes_with_the_next_space() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    old.is_owed_nothing(&world)?;
    let id = push(&world, &json!({ "to": "all", "title": "later", "lane": "background" }))?;
    let device = device_of(&world, NAME)?;
    assert_eq!(world.state(&id, &device)?.as_deref(), Some("accepted"));
    old.wire.send(" ")?;
    assert_eq!(field(&old.takes_push()?, "id"), id);
    world.delivered(&id, &device)?;
    Ok(())
}

fn setalias(name: &str, alias: &str) -> String {
    format!(
        "<iq id=\"a\" type=\"set\"><setalias xmlns=\"androidpn:iq:setalias\"><username>{name}</username>\
         <alias>{alias}</alias></setalias></iq>"
    )
}

fn settags(name: &str, tags: &str) -> String {
    format!(
        "<iq id=\"t\" type=\"set\"><settags xmlns=\"androidpn:iq:settags\"><username>{name}</username>\
         <tags>{tags}</tags></settags></iq>"
    )
}

/// The tags of an account's device.
fn held(world: &World, account: &str) -> anyhow::Result<Value> {
    let device = world.api.get(&format!("/v1/devices/{}", device_of(world, account)?))?.json();
    Ok(device.get("tags").cloned().unwrap_or_default())
}

/// Says these things, none of which is answered; all of them are carried out, or wait, when this returns.
fn says(old: &mut Old, reports: &[String]) -> anyhow::Result<()> {
    old.wire.send(&reports.concat())?;
    old.hears_nothing()
}

#[test]
fn alias_and_tags_are_of_the_own_account_alone() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let mut other = Old::registered(&world.server, "other")?;
    other.log_in("other")?;
    other.is_available()?;
    world.join(&device_of(&world, NAME)?, "tags", "staff")?;
    says(&mut old, &[setalias("other", "mine"), settags("other", "x"), setalias(NAME, "Ann B"), settags(NAME, "a,b")])?;
    assert_eq!(held(&world, "other")?, json!([]));
    assert_eq!(held(&world, NAME)?, json!(["a", "alias:Ann%20B", "b", "staff"]));
    push(&world, &json!({ "to": "tag:alias:Ann%20B", "title": "to the alias" }))?;
    assert_eq!(field(&old.takes_push()?, "title"), "to the alias");
    other.hears_nothing()?;
    // Another alias and other tags take the place of the former; what the operator has set, before or after, stays.
    world.join(&device_of(&world, NAME)?, "tags", "a")?;
    says(&mut old, &[setalias(NAME, "Bea"), settags(NAME, "b,c,staff")])?;
    assert_eq!(held(&world, NAME)?, json!(["a", "alias:Bea", "b", "c", "staff"]));
    // Of a new session too, after a restart too; and what is empty takes back.
    drop(old);
    let mut world = world;
    world.server.kill();
    world.server.start_again()?;
    let mut old = Old::available(&world.server, NAME)?;
    says(&mut old, &[settags(NAME, "d")])?;
    assert_eq!(held(&world, NAME)?, json!(["a", "alias:Bea", "d", "staff"]));
    says(&mut old, &[settags(NAME, ""), setalias(NAME, "").replace("<alias></alias>", "<alias/>")])?;
    assert_eq!(held(&world, NAME)?, json!(["a", "staff"]));
    Ok(())
}

#[test]
fn a_hundred_reports_in_a_row_end_in_the_last_state() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let reports: Vec<String> = (0..100).map(|number| settags(NAME, &format!("t{number},u{number}"))).collect();
    says(&mut old, &reports)?;
    assert_eq!(world.metric("longwire_requests_limited_total")?, 36);
    let told = world.server.log().matches("more often than it may").count();
    assert!((1..=5).contains(&told), "{told} lines");
    drop(old);
    until("the last tags", SOON, || (held(&world, NAME).ok()? == json!(["t99", "u99"])).then_some(()))
}

#[test]
fn where_the_operator_names_tags_for_devices_others_are_not_taken() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).with(&["--androidpn", "--plaintext"]);
    let mut server = options.with_variable("LONGWIRE_DEVICE_TAGS", "beta,news/*").start()?;
    let api = server.admin()?;
    let world = World { server, api, place };
    let mut old = Old::registered(&world.server, NAME)?;
    old.log_in(NAME)?;
    says(&mut old, &[settags(NAME, "staff,beta,news/a,beta2"), setalias(NAME, "Bea")])?;
    assert_eq!(held(&world, NAME)?, json!(["alias:Bea", "beta", "news/a"]));
    let told = world.server.logged("the tags that are left out", |line| line.contains("left_out"))?;
    assert!(told.contains('2') && !told.contains("staff"), "{told}");
    says(&mut old, &[settags(NAME, "staff")])?;
    assert_eq!(held(&world, NAME)?, json!(["alias:Bea"]));
    Ok(())
}

#[test]
fn t11_a_second_login_takes_the_place_of_the_first_whatever_becomes_of_that() -> anyhow::Result<()> {
    let (world, mut first) = online(NAME)?;
    let device = device_of(&world, NAME)?;
    let mut second = Old::available(&world.server, NAME)?;
    let id = push(&world, &json!({ "to": "all", "title": "to the second" }))?;
    assert_eq!(field(&second.takes_push()?, "id"), id);
    first.ends_with("conflict")?;
    drop(first);
    until("the first to be forgotten", SOON, || (world.metric("longwire_connections").ok()? == 1).then_some(()))?;
    second.hears_nothing()?;
    let id = push(&world, &json!({ "to": "all", "title": "still to the second" }))?;
    assert_eq!(field(&second.takes_push()?, "id"), id);
    world.delivered(&id, &device)?;
    // Under another resource too: an account is one phone.
    let (mut third, _) = Old::plain(&world.server)?;
    let login = third.login_by_digest(NAME, PASSWORD, "ZYDQPhone");
    let answer = third.ask(&login)?;
    assert_eq!(answer.attr("to"), Some(format!("{NAME}@localhost/ZYDQPhone").as_str()));
    third.is_available()?;
    second.ends_with("conflict")?;
    let id = push(&world, &json!({ "to": "all", "title": "to the third" }))?;
    assert_eq!(field(&third.takes_push()?, "id"), id);
    Ok(())
}

#[test]
fn nobody_else_reaches_such_a_client() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let mut raw = Raw::register(&world.server, "modern", "secret-word")?.bound("a")?;
    for to in [format!("{NAME}@localhost"), format!("{NAME}@localhost/AndroidpnClient")] {
        raw.wire.send(&format!("<message to='{to}' id='m1' type='chat'><body>b</body></message>"))?;
        raw.wire.expect("service-unavailable")?;
        raw.wire.send(&format!(
            "<iq to='{to}' id='q1' type='get'><ping xmlns='urn:xmpp:ping'/></iq><presence to='{to}'/>"
        ))?;
        raw.wire.expect("service-unavailable")?;
    }
    old.hears_nothing()
}
