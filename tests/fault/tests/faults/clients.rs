//! F21, F28: clones, and phones that die at every step, run out of room or are wiped.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_fault::check::ARRIVED;
use longwire_fault::drill::kill_phone_at;
use longwire_fault::inject::disk::Mounted;
use longwire_fault::inject::shell::command;
use longwire_fault::{Bench, Invariant, Need, Terms, run};
use longwire_test_support::{PhoneOptions, SOON, until};
use serde_json::{Value, json};

use crate::{SETTLED, shown_after_healing};

#[test]
fn f21_a_clone_becomes_an_installation_of_its_own() -> anyhow::Result<()> {
    run("F21", "one device runs twice", &[], |case| {
        let mut bench = Bench::new()?;
        let phone = bench.add_phone()?;
        let original = bench.device(phone)?;
        let first = bench.post(&json!({ "to": "all", "title": "Before" }))?;
        bench.phone(phone)?.shown(&first)?;
        bench.phone(phone)?.terminate(SOON)?;
        let (data, copy) = (bench.phone(phone)?.data().to_owned(), bench.place.path().join("clone"));
        command("cp", &["-a", &data.to_string_lossy(), &copy.to_string_lossy()])?;
        bench.phone(phone)?.start_again()?;
        let clone = PhoneOptions::new(&bench.server, &copy).start()?;
        // Whichever is thrown out twice within an hour makes itself new; the pauses between are a minute and two.
        let is_new = |lines: &[Value]| {
            lines.iter().any(|line| line.get("id").and_then(Value::as_str).is_some_and(|id| id != original))
        };
        until("a new installation", Duration::from_secs(420), || {
            let lines = [bench.phones.first()?.lines(), clone.lines()];
            lines.iter().any(|lines| is_new(lines)).then_some(())
        })?;
        let clone = bench.adopt(clone)?;
        bench.renew(phone)?;
        let devices = BTreeSet::from([bench.device(phone)?, bench.device(clone)?]);
        ensure!(devices.len() == 2 && devices.contains(&original), "of {original} have come {devices:?}");
        let last = bench.post(&json!({ "to": "all", "title": "For both" }))?;
        shown_after_healing(&mut bench, phone, &last)?;
        shown_after_healing(&mut bench, clone, &last)?;
        let verdict = bench.verdict(SETTLED)?;
        // What was on the screen when it was copied is on both, and was for the former device.
        let new = devices.iter().find(|device| **device != original).context("a new device")?;
        let copied = [format!("{first} on {new}")];
        ensure!(verdict.against(Invariant::I5) == copied && verdict.broken() == [Invariant::I5], "{verdict}");
        let told = [bench.phone(phone)?.lines(), bench.phone(clone)?.lines()].concat();
        let is_conflict = |line: &&Value| line.get("why").is_some_and(|why| why == "conflict");
        let conflicts: Vec<&Value> = told.iter().filter(is_conflict).collect();
        case.figure("conflicts that the phones met", conflicts.len());
        ensure!(conflicts.len() >= 2, "the two threw each other out {} times", conflicts.len());
        let says_why = |line: &Value| line.to_string().contains("two phones have the same data");
        ensure!(conflicts.iter().any(|line| says_why(line)), "nobody is told of the copy: {conflicts:?}");
        Ok(())
    })
}

/// The calls around what a phone does with a notification.
const CALLS: &[&str] = &["fdatasync,fsync", "sendto,writev", "write", "recvfrom"];
const POINTS: u32 = 12;

#[test]
fn f28_every_point() -> anyhow::Result<()> {
    run("F28", "kill -9 of a phone at each of 12 calls of four kinds", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        let phone = bench.add_phone()?;
        let mut kills = 0;
        for calls in CALLS {
            for at in 1..=POINTS {
                let name = format!("{}{at}", calls.replace(',', "-"));
                kills += usize::from(kill_phone_at(&mut bench, phone, &name, calls, at)?);
            }
        }
        case.figure("kills", kills);
        ensure!(kills >= 12, "only {kills} kills met a call");
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the kills", &verdict)
    })
}

#[test]
fn f28_a_phone_without_room_shows_everything_when_it_has_some() -> anyhow::Result<()> {
    run("F28", "the phone's storage is full", &[Need::Mounts], |case| {
        let mut bench = Bench::new()?;
        let small = Mounted::in_memory(&bench.place.path().join("small"), 4)?;
        let options = PhoneOptions::new(&bench.server, &small.place().join("phone"));
        let phone = bench.add(&options)?;
        let first = bench.post(&json!({ "to": "all", "title": "Before" }))?;
        bench.phone(phone)?.shown(&first)?;
        let mark = bench.phone(phone)?.mark();
        small.fill(0)?;
        let (posted, _) = bench.load("full", &Terms { count: 60, ..Terms::default() }).finish()?;
        bench.enter(posted);
        let body = json!({ "to": "all", "title": "Large", "body": "x".repeat(30_000) });
        let large = bench.post(&body)?;
        bench.phone(phone)?.wait("the phone to say that it cannot store", SOON, |lines| {
            let has_no_room = |line: &&Value| line.get("why").is_some_and(|why| why == "storage");
            lines.iter().skip(mark).find(has_no_room).map(drop)
        })?;
        // What is not stored is not acknowledged: nobody is told that the phone has it.
        let told = longwire_fault::api::told_of(&bench.api, &large)?;
        let state = told.states.into_values().next().context("the notification has no audience")?;
        ensure!(!ARRIVED.contains(&state.as_str()), "the phone could not store it, and it is {state}");
        case.figure("state without room", state);
        small.free()?;
        if !bench.phone(phone)?.is_running() {
            case.figure("the phone ended for want of room", true);
            bench.phone(phone)?.start_again()?;
        }
        shown_after_healing(&mut bench, phone, &large)?;
        let verdict = bench.verdict(SETTLED)?;
        bench.phone(phone)?.kill();
        case.hold("with room again", &verdict)
    })
}

#[test]
fn f28_a_phone_whose_database_is_wiped_begins_anew() -> anyhow::Result<()> {
    run("F28", "the phone's data is wiped", &[], |case| {
        let mut bench = Bench::new()?;
        let (phone, other) = (bench.add_phone()?, bench.add_phone()?);
        let former = bench.device(phone)?;
        let (posted, _) = bench.load("before", &Terms::default()).finish()?;
        let last = posted.last().context("some were accepted")?.id.clone();
        bench.enter(posted);
        bench.phone(other)?.shown(&last)?;
        bench.phone(phone)?.shown(&last)?;
        // All of it is acknowledged; then it is gone with the rest.
        let verdict = bench.verdict(SETTLED)?;
        case.hold("before it is wiped", &verdict)?;
        bench.phone(phone)?.kill();
        fs::remove_dir_all(bench.phone(phone)?.data())?;
        bench.ledger.wipe(&former);
        bench.phone(phone)?.start_again()?;
        bench.renew(phone)?;
        ensure!(bench.device(phone)? != former, "it is the former device, without its secret");
        let id = bench.post(&json!({ "to": format!("device:{}", bench.device(phone)?), "title": "Again" }))?;
        bench.phone(phone)?.shown(&id)?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after it was wiped", &verdict)
    })
}
