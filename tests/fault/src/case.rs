//! One case of the matrix: what it needs, what it did, how it ended; printed, and written down for the table of `make faults`.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use longwire_test_support::wait::now;
use serde_json::{Value, json};

use crate::bench::Bench;
use crate::check::Verdict;
use crate::skips::{List, Need};

/// Where results are written, a file each; nowhere when it is not said.
const RESULTS: &str = "FAULT_RESULTS";

/// A case that takes longer has failed, though everything in it waits for so long only as it says. The longest is F21, whose pauses are
/// minutes.
const LONGEST: Duration = Duration::from_secs(600);

/// A case that runs.
#[derive(Debug)]
pub struct Case {
    id: &'static str,
    what: &'static str,
    began: Instant,
    figures: BTreeMap<String, Value>,
}

impl Case {
    /// A figure to be printed: nothing depends on it.
    pub fn figure(&mut self, name: &str, value: impl Into<Value>) {
        self.figures.insert(name.to_owned(), value.into());
    }

    /// Sorted milliseconds: how many there are, the median, the 99th percentile and the longest.
    pub fn times(&mut self, name: &str, sorted_ms: &[u64]) {
        let at = |percent: usize| sorted_ms.get(sorted_ms.len().saturating_sub(1) * percent / 100).copied();
        let (p50, p99, max) = (at(50), at(99), sorted_ms.last());
        self.figure(name, json!({ "count": sorted_ms.len(), "p50_ms": p50, "p99_ms": p99, "max_ms": max }));
    }

    /// A mix has come to its ends: figures of it.
    ///
    /// # Errors
    /// It has not.
    pub fn mix(&mut self, bench: &Bench) -> anyhow::Result<()> {
        let ends = bench.check_mix()?;
        self.figure("ends on the phone that was away", json!(ends));
        Ok(())
    }

    /// Nothing may have been found.
    ///
    /// # Errors
    /// Something was.
    pub fn hold(&self, when: &str, verdict: &Verdict) -> anyhow::Result<()> {
        ensure!(verdict.is_clean(), "{} {when}:\n{verdict}", self.id);
        Ok(())
    }

    fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }
}

/// Runs a case, where the machine has what it needs.
///
/// # Errors
/// It fails, or takes too long; or it cannot run here, and `skips.toml` does not list that.
pub fn run(
    id: &'static str,
    what: &'static str,
    needs: &[Need],
    body: impl FnOnce(&mut Case) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    run_within(LONGEST, id, what, needs, body)
}

/// The same for a case that is meant to take longer.
///
/// # Errors
/// As [`run`].
pub fn run_within(
    longest: Duration,
    id: &'static str,
    what: &'static str,
    needs: &[Need],
    body: impl FnOnce(&mut Case) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut case = Case { id, what, began: now(), figures: BTreeMap::new() };
    for need in needs {
        if let Some(why) = need.missing() {
            println!("skipped {id} ({what}): no {} here: {why}", need.name());
            let is_listed = List::read()?.may_skip(id, *need);
            write(&case, if is_listed { "skipped" } else { "failed" }, &format!("no {}: {why}", need.name()))?;
            ensure!(
                is_listed,
                "{id} is skipped for want of {}, which tests/fault/skips.toml does not list",
                need.name()
            );
            return Ok(());
        }
    }
    let mut outcome = body(&mut case);
    let took = case.began.elapsed();
    if outcome.is_ok() && took > longest {
        outcome = Err(anyhow!("it took {} s, and may take {}", took.as_secs(), longest.as_secs()));
    }
    let (word, why) = match &outcome {
        Ok(()) => ("held", String::new()),
        Err(error) => ("FAILED", format!("{error:#}")),
    };
    let figures = serde_json::to_string(&case.figures)?;
    println!("{id} {word} after {:.1} s: {what} {figures}", case.seconds());
    write(&case, if outcome.is_ok() { "held" } else { "failed" }, &why)?;
    outcome.with_context(|| format!("{id}: {what}"))
}

fn write(case: &Case, outcome: &str, why: &str) -> anyhow::Result<()> {
    let Some(folder) = std::env::var_os(RESULTS).map(PathBuf::from) else { return Ok(()) };
    fs::create_dir_all(&folder).context("failed to make the folder of results")?;
    let test = std::thread::current().name().unwrap_or("main").replace("::", "-");
    let line = json!({
        "id": case.id, "what": case.what, "test": test, "outcome": outcome, "why": why,
        "seconds": (case.seconds() * 10.0).round() / 10.0, "figures": case.figures,
    });
    fs::write(folder.join(format!("{}-{test}.json", case.id)), line.to_string()).context("failed to write a result")
}
