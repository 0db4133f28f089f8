//! F01, F02, F03: every point, and at random.

use std::time::Duration;

use longwire_fault::drill::{Disk, kill_server_at};
use longwire_fault::{Bench, Need, Terms, run};
use longwire_test_support::wait::{now, pause};
use longwire_test_support::{Chance, folder};

use crate::SETTLED;

/// The calls around each durable step, and how far each is counted.
const CALLS: &[&str] = &["fdatasync,fsync", "sendto,writev", "recvfrom"];
const POINTS: u32 = 60;

#[test]
fn f01_every_point() -> anyhow::Result<()> {
    run("F01", "kill -9 of the server at each of 60 calls of three kinds", &[Need::Tracing], |case| {
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(3))?;
        let (mut kills, mut backs) = (0, Vec::new());
        for calls in CALLS {
            let before = kills;
            for at in 1..=POINTS {
                let name = format!("{}{at}", calls.replace(',', "-"));
                if let Some(back) = kill_server_at(&mut bench, &name, calls, at)? {
                    kills += 1;
                    backs.push(u64::try_from(back.as_millis())?);
                }
            }
            let verdict = bench.verdict(SETTLED)?;
            case.hold(&format!("after the kills at {calls}"), &verdict)?;
            case.figure(&format!("kills at {calls}"), kills - before);
        }
        backs.sort_unstable();
        case.times("restart", &backs);
        anyhow::ensure!(kills >= 60, "only {kills} kills met a call");
        Ok(())
    })
}

const KILLS: usize = 100;
const PHONES: usize = 200;
/// With this many senders, and a pause of this between two posts of each, 500 a second are asked for.
const SENDERS: usize = 16;
const BETWEEN: Duration = Duration::from_millis(24);

#[test]
fn f02_a_hundred_kills_at_random() -> anyhow::Result<()> {
    let seed = Chance::seed();
    run("F02", "a hundred kill -9 of the server under 500 notifications a second", &[], |case| {
        case.figure("seed", seed);
        let mut chance = Chance::new(seed);
        let mut bench = Bench::new()?;
        bench.add(&bench.phone_options().times(PHONES / 2))?;
        bench.add(&bench.phone_options().times(PHONES / 2).over_starttls(&bench.server))?;
        let to = bench.ledger.devices().iter().map(|device| format!("device:{device}")).collect();
        let terms = Terms { to, count: usize::MAX, senders: SENDERS, between: BETWEEN, lane: "normal" };
        let sending = bench.load("random", &terms);
        let (began, mut backs) = (now(), Vec::new());
        for _ in 0..KILLS {
            pause(Duration::from_millis(20 + u64::try_from(chance.below(600))?));
            bench.server.kill();
            backs.push(u64::try_from(bench.restart()?.as_millis())?);
        }
        let seconds = began.elapsed().as_secs().max(1);
        case.figure("accepted a second, kills and all", sending.accepted() as u64 / seconds);
        sending.stop();
        let (_, unanswered) = sending.met();
        let (posted, answered) = sending.finish()?;
        backs.sort_unstable();
        case.times("restart", &backs);
        case.times("answered", &answered);
        case.figure("posts repeated unanswered", unanswered);
        case.figure("accepted", posted.len());
        bench.enter(posted);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after a hundred kills", &verdict)
    })
}

const CUTS: usize = 30;

#[test]
fn f03_thirty_power_cuts() -> anyhow::Result<()> {
    let seed = Chance::seed();
    run("F03", "thirty power cuts of the server", &[Need::Mounts, Need::LoopDevice], |case| {
        case.figure("seed", seed);
        let mut chance = Chance::new(seed);
        let place = folder();
        let mut disk = Disk::new(place.path(), 96)?;
        let mut bench = Bench::at(place, &disk.place().join("server"), |options| options)?;
        bench.add(&bench.phone_options().times(5))?;
        let mut acknowledged = 0;
        for cut in 0..CUTS {
            let terms = Terms { count: 80, senders: 8, between: Duration::ZERO, ..Terms::default() };
            acknowledged += disk.fail(&mut bench, &format!("cut{cut}"), &terms, 1 + chance.below(60))?;
        }
        case.figure("acknowledged before a cut", acknowledged);
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after thirty power cuts", &verdict)?;
        bench.server.kill();
        drop(disk);
        Ok(())
    })
}
