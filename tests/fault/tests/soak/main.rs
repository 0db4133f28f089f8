//! F29: churn for hours (`FAULT_SOAK_SECONDS`; a minute when nothing is said). Phones lose their connection again and again, processes
//! die, and everything is checked at the end; memory and files of the server must not have grown meanwhile.
#![expect(clippy::print_stdout, reason = "a run of hours says where it is")]

use std::time::Duration;

use anyhow::ensure;
use longwire_fault::footprint::Footprint;
use longwire_fault::{Bench, Case, Terms, run_within};
use longwire_test_support::wait::{now, pause};
use longwire_test_support::{Chance, PhoneOptions, Server};

/// Processes of phones, phones in each, and after how many seconds these drop their connection.
const PROCESSES: usize = 4;
const EACH: usize = 100;
const DROP_AFTER_S: &str = "20";
/// Between two looks at the server, and between two deaths of a process.
const LOOK_EVERY: Duration = Duration::from_secs(10);
const KILL_EVERY: Duration = Duration::from_secs(30);
/// How long everything may take to come to its end afterwards.
const SETTLED: Duration = Duration::from_secs(600);
/// What a server may grow in an hour, once it is warm; told of an hour and more.
const GROWTH_KIB_PER_HOUR_MAX: f64 = 1_024.0;
const HOUR_S: u64 = 3_600;
/// Files that come and go with connections.
const FILES_MAX: usize = 64;

fn seconds() -> u64 {
    std::env::var("FAULT_SOAK_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(60)
}

#[test]
fn f29_churn_leaves_no_trace() -> anyhow::Result<()> {
    let longest = Duration::from_secs(seconds()) + SETTLED * 2;
    run_within(longest, "F29", "churn: connections drop, processes die", &[], |case| {
        let mut bench = Bench::new()?;
        for _ in 0..PROCESSES {
            let options = bench.phone_options().times(EACH).with(&["--drop-after", DROP_AFTER_S]);
            bench.add(&options)?;
        }
        let to = bench.ledger.devices().iter().map(|device| format!("device:{device}")).collect();
        let between = Duration::from_millis(100);
        let sending = bench.load("soak", &Terms { to, count: usize::MAX, senders: 2, between, lane: "normal" });
        let samples = churn(&mut bench, Duration::from_secs(seconds()))?;
        sending.stop();
        let (posted, answered) = sending.finish()?;
        case.times("answered", &answered);
        case.figure("accepted", posted.len());
        bench.enter(posted);
        // From here on they keep their connections, or a session would always be missing.
        for phones in &mut bench.phones {
            phones.kill();
            let calm = PhoneOptions::new(&bench.server, phones.data()).times(EACH);
            phones.change(|_| calm);
            phones.start_again()?;
            phones.online()?;
        }
        let verdict = bench.verdict(SETTLED)?;
        case.hold("after the churn", &verdict)?;
        has_not_grown(case, &samples)
    })
}

/// A look at the server: seconds since the beginning, and what it takes.
type Sample = (f64, Footprint);

fn churn(bench: &mut Bench, length: Duration) -> anyhow::Result<Vec<Sample>> {
    let mut chance = Chance::new(Chance::seed());
    let (began, mut killed, mut samples) = (now(), now(), Vec::new());
    while began.elapsed() < length {
        pause(LOOK_EVERY);
        samples.push((began.elapsed().as_secs_f64(), look(&bench.server)?));
        for phones in &mut bench.phones {
            if !phones.is_running() {
                phones.start_again()?;
            }
        }
        if killed.elapsed() >= KILL_EVERY {
            killed = now();
            bench.phone(chance.below(PROCESSES))?.kill();
        }
    }
    Ok(samples)
}

fn look(server: &Server) -> anyhow::Result<Footprint> {
    let footprint = Footprint::of(server.id())?;
    println!("{} KiB, {} files", footprint.rss_kib, footprint.files);
    Ok(footprint)
}

/// The line through what was seen once it was warm: behind the first quarter.
fn has_not_grown(case: &mut Case, samples: &[Sample]) -> anyhow::Result<()> {
    let warm = samples.get(samples.len() / 4..).unwrap_or_default();
    let growth = slope(warm) * 3_600.0;
    let files: Vec<usize> = warm.iter().map(|(_, footprint)| footprint.files).collect();
    let (least, most) =
        (files.iter().min().copied().unwrap_or_default(), files.iter().max().copied().unwrap_or_default());
    case.figure("rss growth, KiB per hour", growth.round());
    case.figure("rss_kib at the end", warm.last().map(|(_, footprint)| footprint.rss_kib));
    case.figure("files, least", least);
    case.figure("files, most", most);
    ensure!(most <= least + PROCESSES * EACH + FILES_MAX, "files grew from {least} to {most}");
    // A line through a few minutes says nothing of an hour.
    ensure!(seconds() < HOUR_S || growth <= GROWTH_KIB_PER_HOUR_MAX, "memory grows by {growth:.0} KiB an hour");
    Ok(())
}

/// KiB per second, by least squares.
fn slope(samples: &[Sample]) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "memory in KiB is far below 2^52")]
    let points: Vec<(f64, f64)> = samples.iter().map(|(at, footprint)| (*at, footprint.rss_kib as f64)).collect();
    let count = points.iter().map(|_| 1.0).sum::<f64>().max(1.0);
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let over: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let under: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    if under > 0.0 { over / under } else { 0.0 }
}
