//! How many instructions small pieces of Longwire take.

use anyhow::Context;
use clap::ValueEnum;

use crate::callgrind;
use crate::instructions::Case;
use crate::reading::{Reading, Row};
use crate::target::{Site, Target};

/// What is carried out so many times, and twice as often.
const TIMES: u32 = 200;
const OTHERS: &str = "is not of this tree";

pub(super) fn measure(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let read = |case: &Case| {
        let row = Row::new(format!("instructions {}", case.name()), "count");
        if site.target != Target::Longwire {
            return Ok(row.absent(OTHERS));
        }
        if !callgrind::is_here() {
            return Ok(row.absent(callgrind::ABSENT));
        }
        let name = case.to_possible_value().context("every case has a name")?;
        let own = std::env::current_exe().context("failed to find this program")?;
        let counted = callgrind::each(&own, &["instructions", name.get_name()], TIMES, None);
        let count = counted.with_context(|| row.name.clone())?;
        Ok(row.is(count))
    };
    Case::value_variants().iter().map(read).collect()
}
