//! A server that runs out of files, and one whose log has nowhere to go.

use std::net::TcpStream;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_test_support::wait::now;
use longwire_test_support::{Phones, SOON, ServerOptions, folder, until};
use serde_json::json;

use crate::world::id_of;

/// The limit of files, and more connections than it.
const FILES: u32 = 256;
const CONNECTIONS: usize = 400;

/// Clock ticks (hundredths of a second) that a process has used.
fn ticks(id: u32) -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{id}/stat"))?;
    let behind = stat.rsplit(')').next().context("a state")?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let field = |index: usize| fields.get(index).and_then(|text| text.parse::<u64>().ok()).context("a number");
    Ok(field(11)? + field(12)?)
}

#[test]
fn slow_05_a_server_without_files_waits_without_spinning_and_goes_on() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).for_crowds().with_files(FILES);
    let mut server = options.start()?;
    let api = server.admin()?;
    let phone = Phones::one(&server, &place.path().join("phone"))?;
    let mut crowd = Vec::new();
    for _ in 0..CONNECTIONS {
        crowd.push(TcpStream::connect(&server.ready.c2s).context("the kernel takes it")?);
    }
    server.logged("that nothing more is accepted", |line| line.contains("nothing more can be accepted"))?;
    let (before, since) = (ticks(server.id())?, now());
    // What was there goes on, and so does everything that is not XMPP.
    while now().duration_since(since) < Duration::from_secs(2) {
        ensure!(api.get("/v1/devices")?.status == 200);
        let sent = api.post("/v1/notifications", &json!({ "to": "all", "title": "still here" }))?;
        phone.shown(&id_of(&sent.json()))?;
    }
    let listed = longwire_test_support::process::longwire(server.data(), &["device", "list"])?;
    ensure!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    println!("{} hundredths of a second of work in two seconds", ticks(server.id())? - before);
    let told = server.log().lines().filter(|line| line.contains("nothing more can be accepted")).count();
    ensure!(told < 10, "{told} lines about it");
    drop(crowd);
    server.logged("that it accepts again", |line| line.contains("accepted again"))?;
    Phones::one(&server, &place.path().join("another"))?;
    Ok(())
}

#[test]
fn slow_06_a_log_on_a_full_disk_stops_nothing() -> anyhow::Result<()> {
    let place = folder();
    let options = ServerOptions::new(&place.path().join("server")).with_full_log();
    let mut server = options.with_variable("LONGWIRE_LOG_FILTER", "debug").start()?;
    let api = server.admin()?;
    let phone = Phones::one(&server, &place.path().join("phone"))?;
    let sent = until("a notification to be accepted", SOON, || {
        let answer = api.post("/v1/notifications", &json!({ "to": "all", "title": "Door" })).ok()?;
        (answer.status == 202).then(|| answer.field("id"))
    })?;
    phone.shown(&sent)?;
    ensure!(server.terminate(SOON)?.success());
    Ok(())
}
