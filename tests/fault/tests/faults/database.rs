//! F04, F07: a database that is damaged, and a disk that is slow.

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use longwire_fault::inject::shell::command;
use longwire_fault::{Bench, Need, Terms, database, run};
use longwire_test_support::{SOON, ServerOptions, Tracer};
use serde_json::json;

use crate::SETTLED;

fn wal(data: &Path) -> std::path::PathBuf {
    data.join(format!("{}-wal", database::FILE))
}

/// A data directory whose server died under load, and what it had acknowledged.
fn killed_under_load() -> anyhow::Result<(Bench, usize)> {
    let mut bench = Bench::new()?;
    bench.add_phone()?;
    let sending = bench.load("torn", &Terms { count: 200, ..Terms::default() });
    sending.wait_for(100)?;
    let accepted = sending.accepted();
    bench.server.kill();
    bench.phone(0)?.kill();
    // Nobody answers them any more.
    drop(sending);
    Ok((bench, accepted))
}

/// Copies a data directory and changes the copy.
fn changed(
    bench: &Bench,
    name: &str,
    change: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<ServerOptions> {
    let copy = bench.place.path().join(name);
    command("cp", &["-a", &bench.server.data().to_string_lossy(), &copy.to_string_lossy()])?;
    change(&copy)?;
    Ok(ServerOptions::new(&copy))
}

fn flip(path: &Path, at: u64) -> anyhow::Result<()> {
    let mut file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut byte = [0];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut byte)?;
    file.seek(SeekFrom::Start(at))?;
    file.write_all(&[byte[0] ^ 0x10]).context("failed to flip a bit")
}

#[test]
fn f04_a_torn_log_starts_and_a_damaged_page_is_refused() -> anyhow::Result<()> {
    run("F04", "torn write-ahead log, flipped bits, a lost index of it", &[], |case| {
        let (bench, accepted) = killed_under_load()?;
        case.figure("accepted before", accepted);
        let length = fs::metadata(wal(bench.server.data()))?.len();
        ensure!(length > 8_192, "the log holds {length} bytes: nothing to tear");
        for cut in [1, 7, 24, 512, 4_095, 4_096] {
            let options = changed(&bench, &format!("cut{cut}"), |copy| {
                OpenOptions::new().write(true).open(wal(copy))?.set_len(length - cut).context("failed to cut")
            })?;
            serves(&options)?;
        }
        for at in [length / 2, length - 100] {
            serves(&changed(&bench, &format!("bit{at}"), |copy| flip(&wal(copy), at))?)?;
        }
        let lost = changed(&bench, "shm", |copy| {
            let index = copy.join(format!("{}-shm", database::FILE));
            if index.exists() { fs::remove_file(index).context("failed to remove") } else { Ok(()) }
        })?;
        let known = serves(&lost)?;
        ensure!(known >= accepted, "{known} of {accepted} without the index of the log");
        for (name, page) in [("header", 0), ("first", 1), ("second", 2)] {
            let options = changed(&bench, name, |copy| {
                // Newer pages in its log would cover the damage.
                database::carry_over(copy)?;
                let mut file = OpenOptions::new().write(true).open(copy.join(database::FILE))?;
                file.seek(SeekFrom::Start(page * 4_096))?;
                file.write_all(&[0x5a; 64]).context("failed to damage a page")
            })?;
            let (status, said) = options.refusal()?;
            ensure!(status.code() == Some(65), "{name}: it ends with {status}, and something would start it again");
            ensure!(said.contains("damaged") && said.contains("restore a backup"), "{name}: {said}");
            case.figure(name, said.lines().last().unwrap_or_default());
        }
        Ok(())
    })
}

/// The server starts, its database is whole, and a notification goes the whole way; gives how many notifications it knows of before.
fn serves(options: &ServerOptions) -> anyhow::Result<usize> {
    let mut server = options.start()?;
    ensure!(database::integrity(server.data())? == "ok", "the database is not whole");
    let known = database::read(server.data(), "SELECT count(*) FROM entry WHERE expires_at IS NOT NULL")?.parse()?;
    let api = server.admin()?;
    let phone = longwire_test_support::Phones::one(&server, &server.data().with_extension("phone"))?;
    let answer =
        api.post("/v1/notifications", &json!({ "to": format!("device:{}", phone.id()?), "title": "After" }))?;
    phone.shown(&answer.field("id"))?;
    server.terminate(SOON)?;
    Ok(known)
}

/// What each fsync takes more.
const DELAY_MS: u64 = 300;
/// The same of a disk that stands still: longer than a phone takes to show what the server holds for it.
const HELD_MS: u64 = 15_000;

#[test]
fn f07_a_slow_disk_is_only_slow() -> anyhow::Result<()> {
    run("F07", "an fsync takes 300 ms more", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(20))?;
        bench.mark_level()?;
        let fault = format!("fdatasync,fsync:delay_enter={}", DELAY_MS * 1_000);
        let tracer = Tracer::inject::<&str>(bench.server.id(), &fault, &[])?;
        let terms = Terms { count: 120, senders: 16, between: Duration::ZERO, ..Terms::default() };
        let sending = bench.load("slow", &terms);
        sending.wait_for(terms.count)?;
        let (refused, unanswered) = sending.met();
        let (posted, answered) = sending.finish()?;
        case.times("answered", &answered);
        ensure!(refused == 0 && unanswered == 0, "{refused} refused, {unanswered} unanswered");
        // A 2xx that came sooner has not waited for the disk.
        let first = answered.first().copied().unwrap_or_default();
        ensure!(first >= DELAY_MS, "accepted after {first} ms, with {DELAY_MS} ms for each fsync");
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("on a slow disk", &verdict)?;
        case.figure("syncs that were delayed", tracer.detach_struck()?);
        pushes_while_it_stands_still(&mut bench)?;
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the disk stood still", &verdict)
    })
}

/// What the server holds for a phone comes to its screen while not one commit goes through.
fn pushes_while_it_stands_still(bench: &mut Bench) -> anyhow::Result<()> {
    let phone = bench.add_phone()?;
    // More than a session has unacknowledged at once, so that the rest stays with the server while the phone stands still.
    bench.phone(phone)?.signal("STOP")?;
    let to = vec![format!("device:{}", bench.device(phone)?)];
    let terms = Terms { to, count: 100, senders: 8, between: Duration::ZERO, ..Terms::default() };
    let (waiting, _) = bench.load("waiting", &terms).finish()?;
    bench.enter(waiting.clone());
    let fault = format!("fdatasync,fsync:delay_enter={}", HELD_MS * 1_000);
    let tracer = Tracer::inject::<&str>(bench.server.id(), &fault, &[])?;
    let held = bench.load("held", &Terms { count: 1, senders: 1, ..Terms::default() });
    bench.phone(phone)?.signal("CONT")?;
    for posted in &waiting {
        bench.phone(phone)?.shown(&posted.id)?;
    }
    ensure!(held.accepted() == 0, "they were shown no sooner than the disk went on");
    let (posted, _) = held.finish()?;
    bench.enter(posted);
    tracer.detach_struck().map(drop)
}
