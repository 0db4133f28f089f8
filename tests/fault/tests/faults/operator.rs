//! F26, F27: an upgrade and the way back, and a backup while the server runs.

use std::path::PathBuf;

use anyhow::Context;
use longwire_fault::{Bench, Need, Terms, run};
use longwire_test_support::SOON;
use longwire_test_support::process::{longwire, printed};
use serde_json::json;

use crate::{SETTLED, shown_after_healing};

#[test]
fn f26_an_upgrade_and_the_way_back_lose_nothing() -> anyhow::Result<()> {
    run("F26", "old binary, new binary, old binary on one database", &[Need::OlderRelease], |case| {
        let older = std::env::var_os("OLD_BIN_DIR").map(PathBuf::from).context("no older release")?;
        let older = older.join("longwire");
        let mut bench = Bench::with(|options| options.with_program(Some(&older)))?;
        bench.add(&bench.phone_options().times(3))?;
        for (step, program) in [("old", Some(older.as_path())), ("new", None), ("old again", Some(older.as_path()))] {
            let name = step.replace(' ', "-");
            let (posted, _) = bench.load(&name, &Terms::default()).finish()?;
            bench.enter(posted);
            bench.server.terminate(SOON)?;
            bench.server.change(|options| options.with_program(program));
            bench.restart()?;
            let verdict = bench.verdict(SETTLED)?;
            case.hold(step, &verdict)?;
        }
        Ok(())
    })
}

#[test]
fn f27_a_backup_of_a_running_server_holds_what_was_acknowledged_before_it() -> anyhow::Result<()> {
    run("F27", "backup under load, restored elsewhere", &[Need::Backup], |case| {
        let mut bench = Bench::new()?;
        let there = bench.add_phone()?;
        let away = bench.add_phone()?;
        bench.phone(away)?.kill();
        let sending = bench.load("backup", &Terms { count: 400, senders: 4, ..Terms::default() });
        sending.wait_for(100)?;
        let before = sending.posted();
        let backup = bench.place.path().join("backup");
        let backup_text = backup.to_string_lossy().into_owned();
        printed(&longwire(bench.server.data(), &["backup", &backup_text])?)?;
        let (all, _) = sending.finish()?;
        case.figure("acknowledged before the backup", before.len());
        case.figure("acknowledged in all", all.len());
        let last = all.last().context("something was accepted")?.id.clone();
        shown_after_healing(&mut bench, there, &last)?;
        bench.server.kill();

        let elsewhere = bench.place.path().join("elsewhere");
        printed(&longwire(&elsewhere, &["restore", &backup_text])?)?;
        bench.server.change(|options| options.with_data(&elsewhere));
        bench.restart()?;
        bench.api = bench.server.admin()?;
        let id = bench.post(&json!({ "to": "all", "title": "After the restore" }))?;
        shown_after_healing(&mut bench, there, &id)?;
        bench.phone(away)?.start_again()?;
        shown_after_healing(&mut bench, away, &id)?;
        restored(&bench, there, away, &before.iter().map(|posted| posted.id.clone()).collect::<Vec<_>>())
    })
}

/// What was acknowledged before the backup is on both screens; nothing is on one of them twice.
fn restored(bench: &Bench, there: usize, away: usize, before: &[String]) -> anyhow::Result<()> {
    let screens = bench.screens()?;
    for place in [there, away] {
        let device = bench.device(place)?;
        let shown = longwire_test_support::screen::shown(screens.get(&device).context("no screen")?);
        anyhow::ensure!(shown.twice.is_empty(), "twice: {:?}", shown.twice);
        let missing = before.iter().filter(|id| !shown.ids.contains(*id)).count();
        anyhow::ensure!(missing == 0, "{missing} of {} are not on {device}", before.len());
    }
    Ok(())
}
