//! What happens in a world, act by act, as lines of text. A plan draws acts; each is written down when it happens, so that a world that
//! has failed once can be played again however plans change, and cut down to the acts that it needs to fail.

mod act;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::plan::PHONES;
use crate::world::World;
use crate::{Report, finish, try_play};
pub(crate) use act::NONE;

/// Where the worlds that failed once are kept.
pub(crate) const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/kept");

/// What has happened in a world; it survives a panic of the world.
pub(crate) type Acts = Arc<Mutex<Vec<String>>>;

/// A world without its plan: the seed of its network, its disk and its phones, and what happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// What it has found.
    pub(crate) about: Vec<String>,
    pub(crate) seed: u64,
    pub(crate) acts: Vec<String>,
}

impl Script {
    /// Plays it up to its end, healed.
    pub(crate) fn play(&self) -> Report {
        try_play(|acts| {
            let mut world = World::new(self.seed, PHONES, None, is_traced());
            world.acts = acts;
            self.acts.iter().for_each(|act| world.act(act));
            world.heal();
            finish(world, false)
        })
    }

    /// Leaves out what the world fails without: halves first, then ever smaller parts. What is left, and how it fails.
    pub(crate) fn shrink(mut self) -> (Self, Option<Report>) {
        let mut best = Some(self.play()).filter(|report| !report.faults.is_empty());
        let mut part = if best.is_some() { self.acts.len().div_ceil(2) } else { 0 };
        while part > 0 {
            let mut first = 0;
            while first < self.acts.len() {
                let mut less = self.clone();
                less.acts.drain(first..(first + part).min(self.acts.len()));
                let report = less.play();
                if report.faults.is_empty() {
                    first += part;
                } else {
                    (self, best) = (less, Some(report));
                }
            }
            part /= 2;
        }
        (self, best)
    }

    /// Writes it to a file of its own; its first lines say what is wrong.
    pub(crate) fn write(&self, folder: &Path) -> PathBuf {
        let path = folder.join(format!("{}.txt", self.seed));
        std::fs::create_dir_all(folder).expect("a folder for worlds that failed");
        std::fs::write(&path, self.to_string()).expect("a file for a world that failed");
        path
    }

    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Self {
        let place = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| format!("{place}: {error}")).expect("a script");
        Self::parse(&text).ok_or_else(|| format!("{place} does not begin with a seed")).expect("a script")
    }

    fn parse(text: &str) -> Option<Self> {
        let (about, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with('#'));
        let about = about.into_iter().map(|line| line.trim_start_matches(['#', ' ']).to_owned()).collect();
        let (seed, acts) = rest.split_first()?;
        let seed = seed.strip_prefix("seed ")?.parse().ok()?;
        Some(Self { about, seed, acts: acts.iter().map(|act| (*act).to_owned()).collect() })
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.about.iter().try_for_each(|line| writeln!(f, "# {line}"))?;
        writeln!(f, "seed {}", self.seed)?;
        self.acts.iter().try_for_each(|act| writeln!(f, "{act}"))
    }
}

/// Whether worlds tell everything that happens in them.
pub(crate) fn is_traced() -> bool {
    std::env::var_os("SIMULATION_TRACE").is_some()
}

/// The kept worlds, or the one that is asked for, in the order of their names.
fn kept() -> Vec<PathBuf> {
    if let Some(asked) = std::env::var_os("SIMULATION_SCRIPT") {
        return vec![asked.into()];
    }
    let files = std::fs::read_dir(KEPT).expect("the folder of kept worlds");
    let mut paths: Vec<PathBuf> = files.map(|file| file.expect("a file").path()).collect();
    paths.sort();
    paths
}

#[test]
fn every_world_that_failed_once_is_well() {
    let mut failed = Vec::new();
    for path in kept() {
        let script = Script::read(&path);
        let report = script.play();
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let about = script.about.first().map_or("nothing is said of it", String::as_str);
        println!("{name:<12} {:>5} acts  {about}", script.acts.len());
        if !report.faults.is_empty() {
            report.trace.iter().chain(&report.faults).for_each(|line| println!("    {line}"));
            failed.push(name);
        }
    }
    assert!(failed.is_empty(), "worlds that failed once fail again (one alone: SIMULATION_SCRIPT=file): {failed:?}");
}

#[test]
fn what_was_written_down_plays_the_same_world() {
    for seed in crate::SAME {
        let planned = crate::play(seed, None);
        let script = Script { about: vec!["what is said of it".to_owned()], seed, acts: planned.acts };
        let read = Script::parse(&script.to_string());
        assert_eq!(read.as_ref(), Some(&script), "seed {seed}");
        let played = script.play();
        assert_eq!((planned.carried, planned.faults), (played.carried, played.faults), "seed {seed}");
    }
}
