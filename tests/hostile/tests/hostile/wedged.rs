//! SLOW-02: a phone that takes no push and reads nothing, with ten thousand waiting for it.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::until;
use longwire_test_support::wire::{Wire, plain_login};
use serde_json::json;

use crate::beside::beside;
use crate::session::{opened, register};
use crate::world::{ATTACKER, World};

const NAME: &str = "wedged";
const PASSWORD: &str = "the password of wedged";
const PUSHES: usize = 10_000;
const SENDERS: usize = 8;
/// Entries that are acknowledged together: fewer than the server sends unacknowledged.
const ACKNOWLEDGED: usize = 16;
/// How long a full window is borne (30 s), with room for a busy machine.
const CLOSED_AFTER_MAX: Duration = Duration::from_secs(60);

/// A push session; everything that comes behind its login is unread.
fn push_session(world: &World, is_new: bool) -> anyhow::Result<Wire> {
    let mut wire = opened(world.ready(), ATTACKER)?;
    if is_new {
        let answer = register(&mut wire, NAME, PASSWORD)?;
        ensure!(answer.contains("result"), "{answer}");
    }
    wire.send(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{}</initial-response>\
         <user-agent id='d4565fa7-4d72-4749-b3d3-740edbf87770'/><bind xmlns='urn:xmpp:bind:0'><tag>longwire</tag>\
         <push xmlns='urn:longwire:push:1' heartbeat='600'/></bind></authenticate>",
        plain_login(NAME, PASSWORD)
    ))?;
    let bound = wire.expect("<stream:features/>")?;
    ensure!(bound.contains(&format!("{NAME}@localhost/")), "bound as {bound}");
    Ok(wire)
}

/// The id and the position of an entry.
fn entry(message: &str) -> Option<(&str, u64)> {
    let (_, head) = message.rsplit_once("<message")?;
    let field = |name: &str| head.split_once(name)?.1.split_once('\'').map(|(value, _)| value);
    Some((field(" id='")?, field(" seq='")?.parse().ok()?))
}

/// Takes and acknowledges what comes, until all of these have come.
fn take_all(wire: &mut Wire, mut missing: BTreeSet<String>) -> anyhow::Result<()> {
    let mut taken = 0;
    while !missing.is_empty() {
        let message = wire.expect("</message>").with_context(|| format!("{} have not come", missing.len()))?;
        let (id, seq) = entry(&message).with_context(|| format!("no entry: {message}"))?;
        missing.remove(id);
        taken += 1;
        if taken % ACKNOWLEDGED == 0 {
            wire.send(&format!("<ack xmlns='urn:longwire:push:1' normal='{seq}'/>"))?;
        }
    }
    println!("slow_02: everything has come, with {taken} messages");
    Ok(())
}

#[test]
fn slow_02_who_takes_nothing_is_closed_and_everything_waits() -> anyhow::Result<()> {
    let world = World::new()?;
    beside("slow_02", &world, 1, || {
        let wedged = push_session(&world, true)?;
        let device = format!("device:{}", world.device_of(NAME)?);
        let first = world.notify(&device, "the first")?;
        let (api, body) = (&world.api, json!({ "to": device, "title": "Door" }));
        let mut sent: BTreeSet<String> = std::thread::scope(|scope| {
            let post = |_| api.post("/v1/notifications", &body).ok().filter(|answer| answer.status == 202);
            let send =
                move || (0..PUSHES / SENDERS).filter_map(post).map(|answer| answer.field("id")).collect::<Vec<_>>();
            let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(send)).collect();
            senders.into_iter().filter_map(|sender| sender.join().ok()).flatten().collect()
        });
        ensure!(sent.len() == PUSHES, "{} of {PUSHES} notifications were accepted", sent.len());
        sent.extend([first, world.notify(&device, "the last")?]);
        // The honest session is the other one.
        until("the session to be closed", CLOSED_AFTER_MAX, || {
            (world.metric("longwire_sessions").ok()?? == 1).then_some(())
        })?;
        drop(wedged);
        let mut again = push_session(&world, false)?;
        take_all(&mut again, sent)
    })
}
