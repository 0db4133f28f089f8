//! The device core by itself: allocations, bytes and instructions of a push, and what it holds while it is online.

use anyhow::Context;
use longwire_test_support::process::binary;
use serde_json::Value;

use super::Scale;
use crate::callgrind;
use crate::machine::output;
use crate::reading::{Reading, Row};
use crate::target::{Site, Target};

const OTHERS: &str = "has no device of its own here";
/// The work of the core, not that of the driver and the store that are played.
const CORE: &str = "longwire_client::machine::Machine::handle_*";

pub(super) fn measure(site: &Site, scale: &Scale) -> anyhow::Result<Vec<Reading>> {
    let row = |what: &str, unit| Row::new(format!("device core: {what}"), unit);
    let counted = [
        (row("allocations per push", "count"), "allocations"),
        (row("allocated per push", "bytes"), "bytes"),
        (row("state while it is online", "bytes"), "state"),
    ];
    let instructions = row("instructions per push", "count");
    if site.target != Target::Longwire {
        let rows = counted.into_iter().map(|(row, _)| row).chain([instructions]);
        return Ok(rows.map(|row| row.absent(OTHERS)).collect());
    }
    let (program, pushes) = (binary("device-cost")?, scale.device_pushes);
    let name = program.to_str().context("a path that is text")?;
    let cost: Value =
        serde_json::from_str(&output(name, &[pushes.to_string()])?.0).context("the cost of the device core")?;
    let figure = |key| cost.get(key).and_then(Value::as_f64).with_context(|| format!("no {key} in {cost}"));
    let read = counted.into_iter().map(|(row, key)| Ok(row.is(figure(key)?)));
    let mut readings = read.collect::<anyhow::Result<Vec<Reading>>>()?;
    readings.push(if callgrind::is_here() {
        instructions.is(callgrind::each(&program, &[], pushes, Some(CORE))?)
    } else {
        instructions.absent(callgrind::ABSENT)
    });
    Ok(readings)
}
