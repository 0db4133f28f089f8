//! What keeps old clients' streams alive, and how they end: never without a word, since such a client comes back only after an error.

use std::time::Duration;

use longwire_test_support::wait::now;
use longwire_test_support::wire::Wire;
use longwire_test_support::{SOON, Tracer, until};
use serde_json::json;

use super::client::{HEADER, Old, PASSWORD, error_of, field};
use super::{online, world};
use crate::store_failure::{A_FEW_SECONDS, FAILED};

const NAME: &str = "2c027d44cf234d1080e9c9353220f757";
/// How long a push may stay unanswered, with room for a slow machine.
const A_MINUTE_AND_MORE: Duration = Duration::from_secs(100);

#[test]
fn t8_what_is_not_served_is_503_with_what_was_asked() -> anyhow::Result<()> {
    let (_world, mut old) = online(NAME)?;
    for query in ["<query xmlns=\"jabber:iq:private\"><x xmlns=\"x:y\">1</x></query>", "<vCard xmlns=\"vcard-temp\"/>"]
    {
        let answer = old.ask(&format!("<iq id=\"u\" type=\"get\" to=\"10.0.2.2\">{query}</iq>"))?;
        assert_eq!(error_of(&answer), ("503".to_owned(), "service-unavailable".to_owned()), "{answer}");
        let told = answer.children().next().expect("what was asked");
        assert!(matches!(told.name(), "query" | "vCard"), "{answer}");
    }
    old.wire.send("<iq id=\"r\" type=\"result\"/><iq id=\"e\" type=\"error\"><error code=\"501\"/></iq><iq id=\"n\" type=\"get\"/>")?;
    old.hears_nothing()
}

#[test]
fn t13_a_message_does_not_end_the_stream_and_its_end_is_answered() -> anyhow::Result<()> {
    let (_world, mut old) = online(NAME)?;
    let answer = old.ask("<message id=\"m\" to=\"x@localhost\"><body>b</body></message>")?;
    assert_eq!((answer.name(), error_of(&answer).0.as_str()), ("message", "503"));
    old.hears_nothing()?;
    old.wire.send("</stream:stream>")?;
    assert_eq!(old.wire.expect_close(SOON)?, "</stream:stream>");
    Ok(())
}

#[test]
fn t12_a_stop_is_told_and_the_port_is_open_again_before_ten_seconds() -> anyhow::Result<()> {
    let (mut world, mut old) = online(NAME)?;
    let (mut waiting, _) = Old::plain(&world.server)?;
    let (mut silent, _) = Old::plain(&world.server)?;
    silent.register("silent", PASSWORD)?;
    world.server.ask_to_end()?;
    for client in [&mut old, &mut waiting, &mut silent] {
        client.ends_with("system-shutdown")?;
    }
    let cut = now();
    // One of them does not close its side, as asmack may not.
    drop((old, silent));
    assert!(world.server.ended(SOON)?.success());
    world.server.start_again()?;
    let after = now().duration_since(cut);
    assert!(after.as_secs() < 10, "it took {after:?}");
    // What was registered just before the stop is there.
    let mut old = Old::available(&world.server, "silent")?;
    old.hears_nothing()?;
    let mut old = Old::available(&world.server, NAME)?;
    world.notify("all", "back")?;
    assert_eq!(field(&old.takes_push()?, "title"), "back");
    Ok(())
}

#[test]
fn an_account_is_on_disk_before_its_result() -> anyhow::Result<()> {
    let mut world = world()?;
    let old = Old::registered(&world.server, NAME)?;
    world.server.kill();
    drop(old);
    world.server.start_again()?;
    Old::available(&world.server, NAME)?.hears_nothing()
}

#[test]
fn t5_a_store_that_cannot_write_refuses_a_registration_for_now() -> anyhow::Result<()> {
    let world = world()?;
    let (mut old, _) = Old::plain(&world.server)?;
    let mut locker = crate::store_faults::locked(&world.server.data().join("longwire.db"))?;
    let answer = old.register(NAME, PASSWORD);
    longwire_test_support::process::kill(&mut locker);
    let answer = answer?;
    assert_eq!(error_of(&answer).0, "500", "{answer}");
    assert!(!answer.to_string().contains("401"), "{answer}");
    // On the same connection, once it can.
    until("the store to write again", SOON, || {
        let answer = old.register(NAME, PASSWORD).ok()?;
        (answer.attr("type") == Some("result")).then_some(())
    })?;
    old.log_in(NAME)
}

#[test]
fn no_stream_is_left_open_deaf() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    let header = HEADER.replace("jabber:client", "jabber:server");
    for (text, condition) in [
        (header.as_str(), "invalid-namespace"),
        ("GET / HTTP/1.1\r\n", "not-well-formed"),
        ("<!DOCTYPE x><x>", "restricted-xml"),
    ] {
        let mut wire = Wire::plain(&world.server.ready.c2s)?;
        wire.send(text)?;
        let end = wire.expect_close(SOON)?;
        assert!(end.contains("<stream:error><") && end.contains(condition), "{text}: {end}");
    }
    old.wire.send("<iq id=\"c\" type=\"get\"><query xmlns=\"jabber:iq:roster\">&#1;</query></iq>")?;
    old.ends_with("not-well-formed")?;
    let mut old = Old::available(&world.server, NAME)?;
    let long = "x".repeat(1_100_000);
    // The server may have ended the stream before everything was sent.
    drop(old.wire.send(&format!("<iq id=\"c\" type=\"get\"><query xmlns=\"jabber:iq:roster\">{long}")));
    let end = old.wire.expect_close(SOON)?;
    assert!(end.contains("<stream:error><policy-violation"), "{end}");
    Ok(())
}

#[test]
fn t5_a_store_that_cannot_read_is_never_a_wrong_password() -> anyhow::Result<()> {
    let mut world = world()?;
    drop(Old::registered(&world.server, NAME)?);
    let (mut old, _) = Old::plain(&world.server)?;
    let login = old.login_by_digest(NAME, PASSWORD, "AndroidpnClient");
    let files = ["longwire.db", "longwire.db-wal"].map(|name| world.server.data().join(name));
    let broken = Tracer::inject(world.server.id(), "pread64:error=EIO", &files)?;
    // A commit makes what any connection has in memory stale: what is asked next is read from the disk.
    let (mut another, _) = Old::plain(&world.server)?;
    let refused = another.register("another", PASSWORD)?;
    assert_eq!(error_of(&refused).0, "500", "{refused}");
    // The server ends already: the login is refused as the registration was, or the stream ends with a word for it.
    drop(old.wire.send(&login));
    let rest = old.wire.expect_close(SOON)?;
    assert!(rest.contains("<system-shutdown"), "{rest}");
    for answer in [refused.to_string(), rest] {
        assert!(!answer.contains("401") && !answer.contains("not-authorized"), "{answer}");
    }
    // A database whose reads have failed is not used again by the same process.
    let status = world.server.ended(A_FEW_SECONDS)?;
    broken.detach()?;
    assert_eq!(status.code(), Some(FAILED), "{status}");
    world.server.start_again()?;
    Old::available(&world.server, NAME)?.hears_nothing()
}

#[test]
fn a_reset_link_takes_nothing_with_it() -> anyhow::Result<()> {
    let (world, mut old) = online(NAME)?;
    world.notify("all", "cut off")?;
    let (seen, _) = old.sees_push()?;
    old.wire.reset()?;
    for _ in 0..3 {
        let mut old = Old::available(&world.server, NAME)?;
        assert_eq!(old.sees_push()?.0, seen, "it is sent until it is answered");
        old.wire.reset()?;
    }
    let mut old = Old::available(&world.server, NAME)?;
    assert_eq!(old.takes_push()?, seen);
    old.hears_nothing()?;
    old.wire.reset()?;
    Old::available(&world.server, NAME)?.is_owed_nothing(&world)
}

#[test]
fn a_frozen_link_makes_way_for_the_next_and_takes_nothing_with_it() -> anyhow::Result<()> {
    let (world, frozen) = online(NAME)?;
    world.notify("all", "not read")?;
    let mut old = Old::available(&world.server, NAME)?;
    assert_eq!(field(&old.takes_push()?, "title"), "not read");
    // What becomes of the frozen one is nothing to the one that came after it.
    frozen.wire.reset()?;
    world.notify("all", "read")?;
    assert_eq!(field(&old.takes_push()?, "title"), "read");
    old.hears_nothing()
}

#[test]
fn a_frozen_link_ends_a_minute_after_its_push_and_the_push_is_kept() -> anyhow::Result<()> {
    let (world, mut frozen) = online(NAME)?;
    world.notify("all", "kept")?;
    until("the phone to count as away", A_MINUTE_AND_MORE, || {
        let devices = world.api.get("/v1/devices").ok()?.json();
        (devices.pointer("/items/0/online") == Some(&json!(false))).then_some(())
    })?;
    frozen.sees_push()?;
    frozen.ends_with("policy-violation")?;
    let mut old = Old::available(&world.server, NAME)?;
    assert_eq!(field(&old.takes_push()?, "title"), "kept");
    old.hears_nothing()
}
