//! Simulated worlds: real phones (`longwire_client::Machine` with its store in memory), the real server's core, router and stream
//! machines, joined by the server's own worker, and the log on a store that forgets what was not synced, within a simulated network on
//! a virtual clock.
//! Not covered here: sockets, TLS and threads, SQLite (its conformance suite holds it against the store in memory), clients without
//! the push extension, HTTP.
#![expect(clippy::indexing_slicing, reason = "a broken world fails its test")]

mod book;
mod bounds;
mod calls;
mod check;
mod disk;
mod findings;
mod host;
mod idle;
mod mutate;
mod oracle;
mod phone;
mod plan;
mod rng;
mod script;
mod server;
mod story;
mod tally;
mod users;
mod watch;
mod world;

use std::hash::Hasher as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use mutate::Mutation;
use plan::PHONES;
use script::{Acts, Script};
use tally::Tally;
use world::World;

/// The domain of every world.
const DOMAIN: &str = "example.com";

/// Worlds in CI; a count, not a time, so that every run plays the same.
const WORLDS: u64 = 2_000;
/// How often each kind of fault must have met an accepted entry that a phone had not stored.
const IN_FLIGHT_MIN: u64 = 100;

/// Seeds that are played twice.
const SAME: std::ops::Range<u64> = 1..5;

/// Worlds that were begun in this process, those of stories among them.
static PLAYED: AtomicU64 = AtomicU64::new(0);

/// What became of a world.
struct Report {
    faults: Vec<String>,
    tally: Tally,
    trace: Vec<String>,
    acts: Vec<String>,
    /// Of every byte that was carried, and when.
    carried: u64,
    minutes: u64,
}

/// A world that is over, held against the rules.
fn finish(mut world: World, is_whole: bool) -> Report {
    let faults = check::check(&mut world, is_whole);
    Report {
        faults,
        tally: world.tally,
        trace: world.trace,
        acts: Vec::new(),
        carried: world.carried.finish(),
        minutes: world.now_ms / 60_000,
    }
}

/// Plays a world that writes its acts down as it is told; a panic anywhere in it is a fault of it.
fn try_play(play: impl FnOnce(Acts) -> Report) -> Report {
    let acts = Acts::default();
    let played = catch_unwind(AssertUnwindSafe(|| play(Arc::clone(&acts))));
    let mut report = played.unwrap_or_else(|panic| Report {
        faults: vec![format!("a panic: {}", panic.downcast_ref::<String>().map_or("without a word", String::as_str))],
        tally: Tally::default(),
        trace: Vec::new(),
        acts: Vec::new(),
        carried: 0,
        minutes: 0,
    });
    report.acts = std::mem::take(&mut *acts.lock().expect("nothing panics with it"));
    report
}

/// Plays what a seed makes happen.
fn play(seed: u64, mutation: Option<Mutation>) -> Report {
    try_play(|acts| {
        let mut world = World::new(seed, PHONES, mutation, script::is_traced());
        world.acts = acts;
        plan::play(&mut world, seed);
        finish(world, true)
    })
}

/// How many worlds were played.
fn played() -> String {
    format!("{} worlds were played by this process so far", PLAYED.load(Ordering::Relaxed))
}

/// The clock of the machine, to tell how fast worlds are; no world sees it.
#[expect(clippy::disallowed_methods, reason = "the rate of worlds is told in real time")]
fn now() -> Instant {
    Instant::now()
}

fn env(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

/// Plays worlds on the two cores of a small machine, or on as many as it is told, each on one thread; gives what `keep` makes of their
/// reports, in the order of seeds.
fn play_all<T: Send>(seeds: std::ops::Range<u64>, keep: impl Fn(u64, Report) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(seeds.start);
    let kept = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..env("SIMULATION_THREADS", 2) {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| seeds.contains(seed)) {
                    let result = keep(seed, play(seed, None));
                    kept.lock().expect("worlds panic inside").push((seed, result));
                }
            });
        }
    });
    let mut kept = kept.into_inner().expect("worlds panic inside");
    kept.sort_by_key(|(seed, _)| *seed);
    kept.into_iter().map(|(_, result)| result).collect()
}

#[test]
fn every_world_keeps_the_promise() {
    let (first, count) = (env("SIMULATION_FIRST", 1), env("SIMULATION_WORLDS", WORLDS));
    let began = now();
    // Of a world that is well, nothing is needed but its tally.
    let reports = play_all(first..first + count, |seed, report| {
        let is_well = report.faults.is_empty();
        (seed, if is_well { Report { trace: Vec::new(), acts: Vec::new(), ..report } } else { report })
    });
    let spent_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX).max(1);
    let mut tally = Tally::default();
    let (mut failed, mut minutes) = (Vec::new(), 0);
    for (seed, report) in reports {
        tally.add(&report.tally);
        minutes += report.minutes;
        if !report.faults.is_empty() {
            println!("{}", told(seed, report).join("\n"));
            failed.push(seed);
        }
    }
    let (rate, hours) = (count * 1_000 / spent_ms, minutes / 60);
    println!(
        "{count} worlds, {rate} a second, {hours} virtual hours, {} accepted, {} shown",
        tally.accepted, tally.shown
    );
    println!("{}\n{}", tally.table(), played());
    assert!(failed.is_empty(), "failing seeds (play one with SIMULATION_FIRST=seed SIMULATION_WORLDS=1): {failed:?}");
    if count >= WORLDS {
        let rare = tally.rare(IN_FLIGHT_MIN);
        assert!(rare.is_none(), "hardly happened, or hardly met anything in flight: {rare:?}");
    }
}

/// How a world fails; where worlds that fail are to be kept, with what it needs for that alone, as a script.
fn told(seed: u64, mut report: Report) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(folder) = std::env::var_os("SIMULATION_KEEP") {
        let script = Script { about: Vec::new(), seed, acts: std::mem::take(&mut report.acts) };
        let (mut script, shrunk) = script.shrink();
        report = shrunk.unwrap_or(report);
        script.about.extend(report.faults.iter().take(4).cloned());
        let path = script.write(Path::new(&folder));
        lines.push(format!("seed {seed} fails with {} acts: {}", script.acts.len(), path.display()));
    }
    lines.push(format!("seed {seed}: {} faults; the first: {}", report.faults.len(), report.faults[0]));
    let behind = if report.trace.is_empty() { 4 } else { usize::MAX };
    let rest = report.trace.into_iter().chain(report.faults.into_iter().skip(1).take(behind));
    lines.extend(rest.map(|line| format!("    {line}")));
    lines
}

#[test]
fn a_seed_plays_the_same_world_twice() {
    for seed in SAME {
        let [first, second] = [(); 2].map(|()| play(seed, None));
        assert_eq!(first.acts, second.acts, "seed {seed}");
        assert_eq!((first.carried, first.faults), (second.carried, second.faults), "seed {seed}");
        assert!(first.tally.shown > 0, "seed {seed} shows nothing");
    }
}
