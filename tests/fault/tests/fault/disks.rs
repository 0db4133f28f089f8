//! F05, F06: disks that are full, and disks that do not keep what they were told to.

use std::time::Duration;

use anyhow::ensure;
use longwire_fault::inject::disk::Mounted;
use longwire_fault::{Bench, Need, Terms, api, database, run};
use longwire_test_support::wait::pause;
use longwire_test_support::{SOON, Tracer, folder, keep, until};
use serde_json::json;

use crate::SETTLED;

#[test]
fn f05_a_full_disk_refuses_serves_what_is_stored_and_recovers_by_itself() -> anyhow::Result<()> {
    run("F05", "disk full at an insert", &[Need::Mounts], |case| {
        let place = folder();
        let disk = Mounted::in_memory(&place.path().join("disk"), 8)?;
        let mut bench = Bench::at(place, &disk.place().join("server"), |options| options)?;
        let (phone, away) = (bench.add_phone()?, bench.add_phone()?);
        bench.mark_level()?;
        bench.phone(away)?.kill();
        let stored = bench.post(&json!({ "to": "all", "title": "Stored" }))?;
        disk.fill(0)?;

        let text = "x".repeat(20_000);
        let body = json!({ "to": "all", "title": "Full", "body": text });
        let mut accepted = Vec::new();
        let refused = until("the disk to be full", SOON, || {
            let answer = bench.api.post("/v1/notifications", &body).ok()?;
            if answer.status == 202 {
                accepted.push(answer.field("id"));
            }
            (answer.status != 202).then_some(answer)
        })?;
        accepted.iter().for_each(|id| bench.enter_one(id, &body));
        assert_eq!((refused.status, refused.field("code").as_str()), (503, "unavailable"), "{}", refused.text());
        assert!(
            refused.header("retry-after").is_some_and(|after| after.parse::<u32>().is_ok()),
            "{:?}",
            refused.headers
        );
        case.figure("accepted before it was full", accepted.len());

        // Whoever sends traffic here is told, and whoever counts.
        let ready = bench.api.get("/readyz")?;
        assert_eq!((ready.status, ready.field("code").as_str()), (503, "unavailable"), "{}", ready.text());
        let failures = api::metric(&bench.api, "longwire_store_failures_total").unwrap_or_default();
        ensure!(failures > 0, "no failure of the store was counted");
        // What is stored is read and delivered all the same.
        assert_eq!(bench.api.get(&format!("/v1/notifications/{stored}"))?.status, 200);
        let away = bench.phone(away)?;
        away.start_again()?;
        away.shown(&stored)?;
        ensure!(bench.server.is_running(), "the server ended: {}", bench.server.log());

        disk.free()?;
        let room = json!({ "to": "all", "title": "Room" });
        let answer = until("room to be noticed", SOON, || {
            let answer = bench.api.post("/v1/notifications", &room).ok()?;
            (answer.status == 202).then_some(answer)
        })?;
        bench.enter_one(&answer.field("id"), &room);
        until("it to be ready again", SOON, || (bench.api.get("/readyz").ok()?.status == 200).then_some(()))?;
        bench.phone(phone)?.shown(&answer.field("id"))?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the disk was full", &verdict)?;
        bench.server.kill();
        drop(disk);
        Ok(())
    })
}

/// Posts more than a checkpoint's worth, 4 MiB; what is refused is not sent again.
fn post_much(bench: &mut Bench) -> anyhow::Result<()> {
    let body = json!({ "to": "all", "title": "Large", "body": "x".repeat(50_000) });
    for _ in 0..100 {
        let answer = bench.api.post("/v1/notifications", &body)?;
        ensure!([202, 503].contains(&answer.status), "{} {}", answer.status, answer.text());
        if answer.status == 202 {
            bench.enter_one(&answer.field("id"), &body);
        }
    }
    Ok(())
}

#[test]
fn f05_no_room_for_a_commit_a_checkpoint_or_a_line_of_the_log_loses_nothing() -> anyhow::Result<()> {
    run("F05", "ENOSPC at a commit, at a checkpoint, at the log", &[Need::Tracing], |case| {
        // At every level there is something to be written to the log.
        let mut bench = Bench::with(|options| options.with_variable("LONGWIRE_LOG_FILTER", "debug"))?;
        bench.add(&bench.phone_options().times(2))?;
        // What it keeps in memory of so much is there before the fault as well.
        post_much(&mut bench)?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("before", &verdict)?;
        bench.begin_mix()?;
        bench.mark_level()?;
        let data = bench.server.data().to_owned();
        let (main, log) = (data.join(database::FILE), keep::log_of(&data));
        let wal = data.join(format!("{}-wal", database::FILE));
        let places = [("commit", wal), ("checkpoint", main), ("log", log)];
        for (what, path) in places {
            // strace counts by thread, and each connection of the store is one: there is room again when nobody injects any more.
            let tracer = Tracer::inject(bench.server.id(), "pwrite64,write,writev:error=ENOSPC", &[&path])?;
            let count = if what == "checkpoint" { 120 } else { 30 };
            let sending = bench.load(what, &Terms { count, senders: 4, ..Terms::default() });
            if what == "checkpoint" {
                post_much(&mut bench)?;
            }
            until("a refusal, or everything", SOON, || {
                (sending.met().0 >= 3 || sending.accepted() == count).then_some(())
            })?;
            until(&format!("a write for the {what}"), SOON, || (tracer.injected().ok()? > 0).then_some(()))?;
            case.figure(&format!("writes that failed for the {what}"), tracer.detach_struck()?);
            if let Err(error) = sending.wait_for(count) {
                anyhow::bail!("{error:#} ({what}: {:?} refused and unanswered); {}", sending.met(), bench.server.log());
            }
            case.figure(&format!("refused at the {what}"), sending.met().0);
            let (posted, _) = sending.finish()?;
            bench.enter(posted);
            ensure!(bench.server.is_running(), "no room for the {what} ended the server: {}", bench.server.log());
        }
        bench.end_mix()?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("with room again", &verdict)?;
        case.mix(&bench)
    })
}

#[test]
fn f06_a_failed_fsync_is_never_taken_for_a_good_one() -> anyhow::Result<()> {
    run("F06", "EIO from one fsync", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(2))?;
        let first = bench.post(&json!({ "to": "all", "title": "Before" }))?;
        bench.phone(0)?.shown(&first)?;
        // Acknowledgements are committed too, and are not what is to fail.
        until("the acknowledgements", SOON, || {
            (api::metric(&bench.api, "longwire_unacknowledged")? == 0).then_some(())
        })?;
        pause(Duration::from_millis(300));
        bench.mark_level()?;
        let wal = bench.server.data().join(format!("{}-wal", database::FILE));
        let tracer = Tracer::inject(bench.server.id(), "fdatasync,fsync:error=EIO:when=1", &[&wal])?;
        let key = "not-kept";
        let body = json!({ "to": "all", "title": "Not kept" });
        let answer = bench.api.notify_once(key, &body);
        if let Ok(answer) = &answer {
            ensure!(answer.status / 100 == 5, "answered {} {}", answer.status, answer.text());
        }
        case.figure("answered", answer.map_or(0, |answer| answer.status));
        // The kernel has forgotten which pages were not written: only a new process may say what is on the disk.
        let status = bench.server.ended(SOON)?;
        ensure!(!status.success(), "it ended as if all were well: {status}");
        ensure!(tracer.injected()? > 0, "no fsync failed");
        drop(tracer);
        let back = bench.restart()?;
        case.figure("restart_ms", u64::try_from(back.as_millis())?);
        let again = bench.api.notify_once(key, &body)?;
        ensure!(again.status == 202, "{} {}", again.status, again.text());
        bench.enter_one(&again.field("id"), &body);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the failed fsync", &verdict)
    })
}
