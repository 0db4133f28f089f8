//! Bytes of the program, as it was built or packaged; without what it links to.

use anyhow::Context;

use crate::reading::{Reading, Row};
use crate::target::Site;

const MIB: f64 = 1_024.0 * 1_024.0;

pub(super) fn measure(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let row = Row::new("size of the binary", "MiB");
    Ok(vec![match site.target.file() {
        Ok(path) => row.is(std::fs::metadata(path).context("the binary cannot be measured")?.len() as f64 / MIB),
        Err(why) => row.absent(why),
    }])
}
