//! The longer cases of the fault matrix: `make faults` runs these and those of every commit, and makes a table of all.

mod clients;
mod clocks;
mod crowds;
mod database;
mod kills;
mod memory;
mod operator;
mod roads;

use std::time::Duration;

use longwire_fault::Bench;
use serde_json::Value;

/// How long everything may take to come to its end on a busy machine.
const SETTLED: Duration = Duration::from_secs(120);

/// Waits until a phone has shown a notification, for as long as a reconnect may take (I6).
fn shown_after_healing(bench: &mut Bench, place: usize, id: &str) -> anyhow::Result<()> {
    bench.phone(place)?.wait(&format!("{id} on the screen"), Duration::from_secs(130), |lines| {
        let is_it = |line: &Value| line.pointer("/notification/id").and_then(Value::as_str) == Some(id);
        lines.iter().any(is_it).then_some(())
    })
}
