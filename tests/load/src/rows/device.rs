//! The device core by itself: allocations, bytes and instructions of a push, and what it holds while it is online.

use anyhow::Context;
use longwire_test_support::process::binary;
use serde_json::Value;

use super::Scale;
use crate::machine::output;
use crate::reading::{Reading, Row};
use crate::target::{Site, Target, program_of};

const OTHERS: &str = "has no device of its own here";
const NO_VALGRIND: &str = "is counted by callgrind, and valgrind is not here";
/// What callgrind counts: the work of the core, not that of the driver and the store that are played.
const COLLECTED: &str = "--toggle-collect=longwire_client::machine::Machine::handle_*";

pub(super) fn measure(site: &Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let row = |what: &str, unit| Row::new(format!("device core: {what}"), unit);
    let counted = [("allocations per push", "", "allocations"), ("allocated per push", "bytes", "bytes")];
    let counted = counted.map(|(what, unit, key)| (row(what, unit), key));
    let state = (row("state while it is online", "bytes"), "state");
    let instructions = row("instructions per push", "");
    if site.target != Target::Longwire {
        let rows = counted.into_iter().chain([state]).map(|(row, _)| row);
        return Ok(rows.chain([instructions]).map(|row| row.absent(OTHERS)).collect());
    }
    let (program, pushes) = (binary("device-cost")?, scale.device_pushes.to_string());
    let program = program.to_str().context("a path that is text")?;
    let cost: Value = serde_json::from_str(&output(program, &[&pushes])?.0).context("the cost of the device core")?;
    let mut readings = Vec::new();
    for (row, key) in counted.into_iter().chain([state]) {
        readings.push(row.is(cost.get(key).and_then(Value::as_f64).with_context(|| format!("no {key} in {cost}"))?));
    }
    if program_of("valgrind").is_none() {
        readings.push(instructions.absent(NO_VALGRIND));
        return Ok(readings);
    }
    // The login and the first pushes are in both.
    let (once, twice) = (count(program, scale.device_pushes)?, count(program, 2 * scale.device_pushes)?);
    readings.push(instructions.is((twice - once) / scale.device_pushes as f64));
    Ok(readings)
}

/// Instructions of the core in so many pushes, and in what comes before them.
fn count(program: &str, pushes: u64) -> anyhow::Result<f64> {
    let pushes = pushes.to_string();
    let arguments = ["--tool=callgrind", "--callgrind-out-file=/dev/null", COLLECTED, program, &pushes];
    collected(&output("valgrind", &arguments)?.1)
}

/// `==1== Collected : 123`
fn collected(said: &str) -> anyhow::Result<f64> {
    let figure = said.lines().find_map(|line| line.split_once("Collected : ")).map(|(_, figure)| figure.trim());
    figure.context("callgrind counted nothing")?.parse().context("callgrind counted no number")
}

#[cfg(test)]
mod tests {
    use super::collected;

    #[test]
    fn what_callgrind_says_is_read() {
        let said = "==1== \n==1== Events    : Ir\n==1== Collected : 4711\n==1== \n";
        assert_eq!(collected(said).expect("it is there"), 4_711.0);
        assert!(collected("valgrind: no such tool").is_err());
    }
}
