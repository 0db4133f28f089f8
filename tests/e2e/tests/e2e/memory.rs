//! A storm of connections against a ceiling of memory: new ones are shed before it, and everybody is served again behind it.

use std::net::{IpAddr, Ipv4Addr};

use anyhow::{Context, ensure};
use longwire_test_support::wire::{Wire, plain_login};
use longwire_test_support::{Client, Phones, Ready, SOON, Server, ServerOptions, TempDir, folder, until};
use serde_json::json;

/// The ceiling, in MiB.
const CEILING: u64 = 48;
/// More connections than fit below it.
const STORM: usize = 6_000;

/// Sessions that read nothing of what they have themselves sent: behind the kernel's buffers, a quarter of a MiB for each.
const SLOW: usize = 100;
const ROUNDS: usize = 68;
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

/// A server below the ceiling, and a phone. Dropped in this order: the processes end before their folder goes.
struct Limited {
    phone: Phones,
    api: Client,
    server: Server,
    _place: TempDir,
}

impl Limited {
    fn new() -> anyhow::Result<Self> {
        let place = folder();
        let options = ServerOptions::new(&place.path().join("server")).for_crowds();
        let mut server = options.with_variable("LONGWIRE_MEMORY_MAX", &format!("{CEILING}MiB")).start()?;
        let (api, phone) = (server.admin()?, Phones::one(&server, &place.path().join("phone"))?);
        Ok(Self { phone, api, server, _place: place })
    }
}

#[test]
fn f23_a_storm_is_shed_before_the_ceiling_and_nothing_that_was_there_suffers() -> anyhow::Result<()> {
    let Limited { phone, api, server, .. } = &Limited::new()?;
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
    // Who is there is sent to all the while.
    let sent = api.post("/v1/notifications", &json!({ "to": "all", "title": "still" }))?;
    ensure!(sent.status == 202, "{}", sent.text());
    phone.shown(&sent.field("id"))?;
    let metrics = api.get("/metrics")?.text();
    for name in ["longwire_memory_used_bytes", "longwire_memory_level", "longwire_connections_shed_total"] {
        ensure!(metrics.contains(name) && !metrics.contains(&format!("{name} 0\n")), "{name}: {metrics}");
    }
    ensure!(metrics.contains(&format!("longwire_memory_ceiling_bytes {}\n", CEILING * 1024 * 1024)), "{metrics}");
    ensure!(highest < CEILING * 1024 * 1024, "{highest} bytes");
    let live = phone.lines().iter().any(|line| line.get("state").is_some_and(|state| state == "waiting"));
    ensure!(!live, "a session was ended");
    drop(storm);
    until("memory to be given back", SOON * 2, || {
        let mut next = Wire::tls(&server.ready.c2s_tls, &server.ready.certificate).ok()?;
        next.open().ok().map(drop)
    })?;
    Ok(())
}

#[test]
fn f23_a_flood_that_nobody_reads_stays_below_the_ceiling_and_others_are_served() -> anyhow::Result<()> {
    let Limited { phone, api, server, .. } = &Limited::new()?;
    let mut slow = (0..SLOW).map(|number| session(&server.ready, number)).collect::<anyhow::Result<Vec<_>>>()?;
    let body = "x".repeat(BODY_BYTES);
    for _ in 0..ROUNDS {
        for (number, wire) in slow.iter_mut().enumerate() {
            // Whoever was let go takes no more.
            wire.send(&format!("<message to='slow{number}@localhost/desk'><body>{body}</body></message>")).ok();
        }
    }
    let sent = until("a notification that is taken", SOON * 2, || {
        let answer = api.post("/v1/notifications", &json!({ "to": "all", "title": "beside the slow" })).ok()?;
        (answer.status == 202).then(|| answer.field("id"))
    })?;
    phone.shown(&sent)?;
    let highest = memory(server.id(), "VmHWM:")?;
    ensure!(highest < CEILING * 1024 * 1024, "{highest} bytes at most");
    let was_ended = phone.lines().iter().any(|line| line.get("state").is_some_and(|state| state == "waiting"));
    ensure!(!was_ended, "the session of a device that reads was ended");
    Ok(())
}

/// A session that reads nothing behind its login.
fn session(ready: &Ready, number: usize) -> anyhow::Result<Wire> {
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
        "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>",
        plain_login(&name, PASSWORD)
    ))?;
    wire.expect("<success ")?;
    wire.open()?;
    wire.send(
        "<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>desk</resource></bind></iq>",
    )?;
    wire.expect("</jid>")?;
    Ok(wire)
}
