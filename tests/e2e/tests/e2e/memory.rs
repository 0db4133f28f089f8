//! A storm of connections against a ceiling of memory: new ones are shed before it, and everybody is served again behind it.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, ensure};
use longwire_test_support::wire::{Wire, plain_login};
use longwire_test_support::{Phones, Ready, SOON, ServerOptions, folder, until};
use serde_json::json;

/// The ceiling, in MiB.
const CEILING: u64 = 48;
/// More connections than fit below it.
const STORM: usize = 6_000;

/// Devices that read nothing: their windows (256 KiB) are more than fits below the ceiling.
const SLOW: usize = 300;
/// What is sent to all of them.
const BROADCASTS: usize = 16;
const BODY_BYTES: usize = 50_000;
const PASSWORD: &str = "the password of a slow one";

/// Bytes of a process in memory.
fn resident(id: u32) -> anyhow::Result<u64> {
    memory(id, "VmRSS:")
}

fn memory(id: u32, field: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find(|line| line.starts_with(field)).context("a process in memory")?;
    let kib: u64 = line.split_whitespace().nth(1).context("a number")?.parse()?;
    Ok(kib * 1024)
}

#[test]
fn f23_a_storm_is_shed_before_the_ceiling_and_nothing_that_was_there_suffers() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).for_crowds();
    let mut server = options.with_variable("LONGWIRE_MEMORY_MAX", &format!("{CEILING}MiB")).start()?;
    let api = server.admin()?;
    let phone = Phones::one(&server, &place.path().join("phone"))?;
    let mut storm = Vec::new();
    let (mut told, mut highest) = (None, 0);
    for _ in 0..STORM {
        highest = highest.max(resident(server.id())?);
        let opened = Wire::tls(&server.ready.c2s_tls, &server.ready.certificate).map(|mut wire| {
            let said = wire.open();
            (wire, said)
        });
        match opened {
            Ok((wire, Ok(_))) => storm.push(wire),
            Ok((_, Err(refused))) => {
                told = Some(format!("{refused:#}"));
                break;
            }
            Err(dropped) => {
                told = Some(format!("{dropped:#}"));
                break;
            }
        }
    }
    let told = told.context("the storm was not shed")?;
    ensure!(told.contains("<retry") && told.contains("resource-constraint"), "it is told first: {told}");
    let refused = api.post("/v1/notifications", &json!({ "to": "all", "title": "shed" }))?;
    ensure!(refused.status == 503 && refused.header("retry-after").is_some(), "{}", refused.text());
    ensure!(highest < CEILING * 1024 * 1024, "{highest} bytes");
    let live = phone.lines().iter().any(|line| line.get("state").is_some_and(|state| state == "waiting"));
    ensure!(!live, "a session was ended");
    drop(storm);
    let sent = until("memory to be given back", SOON * 2, || {
        let answer = api.post("/v1/notifications", &json!({ "to": "all", "title": "back" })).ok()?;
        (answer.status == 202).then(|| answer.field("id"))
    })?;
    phone.shown(&sent)?;
    Ok(())
}

#[test]
fn f23_readers_that_stand_still_are_let_go_below_the_ceiling_and_others_are_served() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).for_crowds();
    let mut server = options.with_variable("LONGWIRE_MEMORY_MAX", &format!("{CEILING}MiB")).start()?;
    let api = server.admin()?;
    let phone = Phones::one(&server, &place.path().join("phone"))?;
    let slow = (0..SLOW).map(|number| push_session(&server.ready, number)).collect::<anyhow::Result<Vec<_>>>()?;
    let body = "x".repeat(BODY_BYTES);
    let mut sent = Vec::new();
    for number in 0..BROADCASTS {
        let notification = json!({ "to": "all", "title": format!("{number}"), "body": body });
        let answer = until("room for the next", SOON * 2, || {
            let answer = api.post("/v1/notifications", &notification).ok()?;
            (answer.status == 202).then_some(answer)
        })?;
        sent.push(answer.field("id"));
    }
    for id in &sent {
        phone.shown(id)?;
    }
    server.logged("who was let go", |line| line.contains("clients that do not read were let go"))?;
    let highest = memory(server.id(), "VmHWM:")?;
    ensure!(highest < CEILING * 1024 * 1024, "{highest} bytes at most");
    let lost = phone.lines().iter().any(|line| line.get("state").is_some_and(|state| state == "waiting"));
    ensure!(!lost, "the session of a device that reads was ended");
    drop(slow);
    Ok(())
}

/// A device that reads nothing behind its login.
fn push_session(ready: &Ready, number: usize) -> anyhow::Result<Wire> {
    let source = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let name = format!("slow{number}");
    let mut wire = Wire::small_from(source, &ready.c2s_tls)?.secured(&ready.certificate)?;
    wire.open()?;
    wire.send(&format!(
        "<iq type='set' id='reg'><query xmlns='jabber:iq:register'><username>{name}</username>\
         <password>{PASSWORD}</password></query></iq>"
    ))?;
    wire.expect("<iq ")?;
    ensure!(wire.expect(">")?.contains("result"), "{name} was not registered");
    wire.send(&format!(
        "<authenticate xmlns='urn:xmpp:sasl:2' mechanism='PLAIN'><initial-response>{}</initial-response>\
         <user-agent id='00000000-0000-4000-8000-{number:012}'/><bind xmlns='urn:xmpp:bind:0'><tag>longwire</tag>\
         <push xmlns='urn:longwire:push:1' heartbeat='600'/></bind></authenticate>",
        plain_login(&name, PASSWORD)
    ))?;
    wire.expect("<stream:features/>")?;
    Ok(wire)
}
