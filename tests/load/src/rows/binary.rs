//! Bytes of the program, as it was built or packaged; without what it links to.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use longwire_test_support::folder;

use crate::reading::{Reading, Row};
use crate::target::Site;

const MIB: f64 = 1_024.0 * 1_024.0;

pub(super) fn measure(site: &Site) -> anyhow::Result<Vec<Reading>> {
    let (row, stripped) = (Row::new("size of the binary", "MiB"), Row::new("size of the binary, stripped", "MiB"));
    Ok(match site.target.file() {
        Ok(path) => vec![row.is(size(&path)?), stripped.is(without_symbols(&path)?)],
        Err(why) => [row, stripped].map(|row| row.absent(why)).into(),
    })
}

fn size(path: &Path) -> anyhow::Result<f64> {
    Ok(std::fs::metadata(path).context("the binary cannot be measured")?.len() as f64 / MIB)
}

/// What is left when line tables and symbols are taken out of a copy: what most programs are packaged as.
fn without_symbols(path: &Path) -> anyhow::Result<f64> {
    let copy = folder();
    let copied = copy.path().join("stripped");
    let status = Command::new("strip").arg("-o").arg(&copied).arg(path).status();
    ensure!(status.context("strip (of binutils) cannot be run")?.success(), "strip has failed");
    size(&copied)
}
