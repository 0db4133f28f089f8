//! F22, F28: what a client cannot read, and clients that die between receiving, showing and acknowledging.

use std::time::Duration;

use anyhow::ensure;
use longwire_fault::drill::kill_phone_at;
use longwire_fault::{Bench, Need, api, database, run};
use longwire_test_support::SOON;
use serde_json::json;

use crate::SETTLED;

/// What is put in the place of a payload, as SQL, and why nobody can read it.
const POISONS: &[(&str, &str)] = &[
    ("no JSON", "'{\"title\": '"),
    ("another type", "'{\"title\": {\"a\": [1]}}'"),
    ("1 MB", "'{\"title\":\"' || replace(hex(zeroblob(500000)), '0', 'x') || '\"}'"),
    ("no UTF-8", "CAST(x'7b227469746c65223a22ff227d' AS TEXT)"),
    ("a character that XML forbids", "'{\"title\":\"' || char(1) || '\"}'"),
];

#[test]
fn f22_what_no_client_can_read_is_rejected_and_what_is_behind_it_flows() -> anyhow::Result<()> {
    run("F22", "poison in the log", &[], |case| {
        let mut bench = Bench::new()?;
        bench.add_phone()?;
        bench.mark_level()?;
        bench.phone(0)?.terminate(SOON)?;
        let mut ids = Vec::new();
        for (what, _) in POISONS {
            ids.push(bench.post(&json!({ "to": "all", "title": what }))?);
        }
        let behind = bench.post(&json!({ "to": "all", "title": "Behind it" }))?;
        bench.server.terminate(SOON)?;
        for (id, (what, poison)) in ids.iter().zip(POISONS) {
            let plain = id.replace('-', "");
            let statement = format!("UPDATE entry SET payload = {poison} WHERE hex(id) = upper('{plain}')");
            let changed = database::change(bench.server.data(), &statement)?;
            ensure!(changed == 1, "{what}: {changed} entries were changed");
            bench.ledger.amend(id, |posted| *posted = posted.clone().that_may_be("rejected"));
        }
        bench.restart()?;
        bench.phone(0)?.start_again()?;
        let shown = bench.phone(0)?.wait("what is behind it", Duration::from_secs(90), |lines| {
            let mut shown = lines.iter().filter_map(|line| line.pointer("/notification/id")?.as_str());
            shown.any(|id| id == behind).then_some(())
        });
        if let Err(error) = shown {
            anyhow::bail!("{error:#}\nthe server says:\n{}", bench.server.log());
        }
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the poison", &verdict)?;
        for (id, (what, _)) in ids.iter().zip(POISONS) {
            let told = api::told_of(&bench.api, id)?;
            ensure!(told.states.values().all(|state| state == "rejected"), "{what} is {:?}", told.states);
        }
        Ok(())
    })
}

/// The calls, which of them in their thread, and what is cut there.
const POINTS: &[(&str, u32)] = &[
    // Storing what came.
    ("fsync,fdatasync", 1),
    // Showing it.
    ("fsync,fdatasync", 2),
    // Acknowledging it.
    ("sendto,writev,write", 2),
];

#[test]
fn f28_a_phone_that_dies_between_its_steps_shows_each_once() -> anyhow::Result<()> {
    run("F28", "kill -9 of a phone at three system calls", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        let phone = bench.add_phone()?;
        bench.begin_mix_of_mortals()?;
        bench.mark_level()?;
        for (number, (calls, at)) in POINTS.iter().enumerate() {
            let is_killed = kill_phone_at(&mut bench, phone, &format!("client{number}"), calls, *at)?;
            ensure!(is_killed, "nothing was killed at {calls} {at}");
        }
        bench.end_mix()?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after three kills", &verdict)?;
        case.mix(&bench)
    })
}
