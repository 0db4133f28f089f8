//! A storm of connections against a ceiling of memory: new ones are shed before it, and everybody is served again behind it.

use anyhow::{Context, ensure};
use longwire_test_support::wire::Wire;
use longwire_test_support::{Phones, SOON, ServerOptions, folder, until};
use serde_json::json;

/// The ceiling, in MiB.
const CEILING: u64 = 48;
/// More connections than fit below it.
const STORM: usize = 6_000;

/// Bytes of a process in memory.
fn resident(id: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("a process in memory")?;
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
