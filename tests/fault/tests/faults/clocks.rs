//! F13, F14: the wall clock jumps while the server runs, and the monotonic clocks at a start.

use std::time::Duration;

use anyhow::ensure;
use longwire_fault::bench::clock as right_clock;
use longwire_fault::inject::clock::{WallClock, ahead};
use longwire_fault::mix::accepted_at;
use longwire_fault::{Bench, Need, api, run};
use longwire_test_support::folder;
use longwire_test_support::wait::pause;
use serde_json::json;

use crate::{SETTLED, shown_after_healing};

/// How long a wrong clock is looked at: longer than any sweep that a jump could set off at once.
const WRONG: Duration = Duration::from_secs(6);
/// The server follows an hour, which an operator may have set, and no jump above that before it has looked for ten minutes.
const OFF_MS_MAX: i64 = 2 * 3_600_000;
/// What it says of such a jump.
const ALARM: &str = "the wall clock jumped";

#[test]
fn f13_a_wall_clock_that_jumps_ends_nothing_before_its_time() -> anyhow::Result<()> {
    run("F13", "wall clock +1 h, -1 h, +10 y and back", &[Need::Faketime], |case| {
        let place = folder();
        let clock = WallClock::new(place.path())?;
        let data = place.path().join("server");
        let mut bench = Bench::at(place, &data, |options| {
            let variables = clock.variables();
            let options = variables.iter().fold(options, |options, (name, value)| options.with_variable(name, value));
            options.with_variable("LONGWIRE_HEARTBEAT_MIN", "1")
        })?;
        let there = bench.phone_options().with(&["--heartbeat", "3"]);
        let there = bench.add(&there)?;
        let away = bench.add_phone()?;
        bench.mark_level()?;
        bench.phone(away)?.kill();
        let device = bench.device(there)?;
        for offset in ["+3600", "-3600", "+10y", "+0"] {
            let id = bench.post(&json!({ "to": "all", "title": offset }))?;
            shown_after_healing(&mut bench, there, &id)?;
            let mark = bench.phone(there)?.mark();
            let alarms = bench.server.log().matches(ALARM).count();
            clock.jump(offset)?;
            pause(WRONG);
            if offset == "+10y" {
                ensure!(bench.server.log().matches(ALARM).count() > alarms, "nobody is told of {offset}");
            }
            let lines = bench.phone(there)?.lines();
            let states = lines.iter().skip(mark).filter(|line| line.get("state").is_some()).count();
            ensure!(states == 0, "{offset}: the connection did not outlive it: {lines:?}");
            ensure!(api::is_online(&bench.api, &device) == Some(true), "{offset}: heartbeats follow the wall clock");
            // Whoever comes just now is given what waits, as on any other day.
            let waiting = bench.post(&json!({ "to": "all", "title": "At a wrong time", "ttl": 86_400 }))?;
            let off_ms = accepted_at(&waiting)? - right_clock().as_millis();
            ensure!(off_ms.abs() <= OFF_MS_MAX, "{offset}: accepted {off_ms} ms from now");
            bench.phone(away)?.start_again()?;
            shown_after_healing(&mut bench, away, &id)?;
            shown_after_healing(&mut bench, away, &waiting)?;
            bench.phone(away)?.kill();
        }
        // All of it waited through the wrong times, and none of it has expired: four weeks are not over.
        bench.phone(away)?.start_again()?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("when the clock is right again", &verdict)
    })
}

#[test]
fn f14_monotonic_clocks_that_are_ahead_at_a_start_confuse_nobody() -> anyhow::Result<()> {
    run("F14", "monotonic and boot clock a day ahead after a restart", &[Need::TimeNamespace], |case| {
        let mut bench = Bench::new()?;
        let phone = bench.add_phone()?;
        bench.mark_level()?;
        for day in ["86400", "172800"] {
            bench.phone(phone)?.kill();
            bench.post(&json!({ "to": "all", "title": "While it was off" }))?;
            bench.phone(phone)?.change(|options| options.behind(&ahead(day)));
            bench.phone(phone)?.start_again()?;
            let id = bench.post(&json!({ "to": "all", "title": "After it woke" }))?;
            shown_after_healing(&mut bench, phone, &id)?;
        }
        bench.server.kill();
        bench.server.change(|options| options.behind(&ahead("86400")));
        bench.restart()?;
        let id = bench.post(&json!({ "to": "all", "title": "The server woke" }))?;
        shown_after_healing(&mut bench, phone, &id)?;
        let lines = bench.phone(phone)?.lines();
        let logins = lines.iter().filter(|line| line.get("state").is_some_and(|state| state == "online")).count();
        case.figure("logins since the last start of the phone", logins);
        ensure!(logins <= 3, "{logins} logins: a burst of missed timers");
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the jumps", &verdict)
    })
}
