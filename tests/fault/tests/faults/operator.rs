//! F26, F27: an upgrade and the way back, and a backup while the server runs.

use std::path::PathBuf;

use anyhow::{Context, bail, ensure};
use longwire_fault::{Bench, Need, Posted, Terms, run};
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
        let behind = bench.post(&json!({ "to": "all", "title": "Behind the backup" }))?;
        let (all, _) = sending.finish()?;
        bench.enter(all.clone());
        case.figure("acknowledged before the backup", before.len());
        case.figure("acknowledged in all", all.len());
        let last = all.last().context("something was accepted")?.id.clone();
        shown_after_healing(&mut bench, there, &last)?;
        shown_after_healing(&mut bench, there, &behind)?;
        bench.server.kill();

        let elsewhere = bench.place.path().join("elsewhere");
        printed(&longwire(&elsewhere, &["restore", &backup_text])?)?;
        bench.server.change(|options| options.with_data(&elsewhere));
        bench.restart()?;
        bench.api = bench.server.admin()?;
        undo(&mut bench)?;
        let is_kept = |posted: &&Posted| !bench.ledger.is_undone(&posted.id);
        let kept = before.iter().filter(is_kept).count();
        ensure!(kept == before.len(), "{} of {} are not in the backup", before.len() - kept, before.len());
        ensure!(bench.ledger.is_undone(&behind), "what came behind the backup is in it");
        case.figure("kept by the backup", bench.ledger.kept());
        let id = bench.post(&json!({ "to": "all", "title": "After the restore" }))?;
        shown_after_healing(&mut bench, there, &id)?;
        bench.phone(away)?.start_again()?;
        shown_after_healing(&mut bench, away, &id)?;
        // Who was there has shown what is undone, and is told again what it had shown: it shows nothing twice.
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the restore", &verdict)
    })
}

/// Tells the ledger what the restored server knows nothing of.
fn undo(bench: &mut Bench) -> anyhow::Result<()> {
    let ids: Vec<String> = bench.ledger.posted().iter().map(|posted| posted.id.clone()).collect();
    for id in ids {
        match bench.api.get(&format!("/v1/notifications/{id}"))?.status {
            200 => {}
            404 => bench.ledger.undo(&id),
            other => bail!("{id} is answered {other}"),
        }
    }
    Ok(())
}
