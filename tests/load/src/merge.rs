//! One report of several: the complete runs of each, so that what takes hours can be measured in parts.

use std::path::PathBuf;

use anyhow::Context;

use crate::report::Report;

#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Folders with reports of one commit, machine, targets and counts.
    #[arg(required = true, num_args = 2..)]
    folders: Vec<PathBuf>,
    /// Where the report of all goes.
    #[arg(long)]
    out: PathBuf,
}

/// Writes the report of all runs that are complete; gives it.
///
/// # Errors
/// A report cannot be read or written, or they did not measure the same.
pub(crate) fn merge(options: &Options) -> anyhow::Result<Report> {
    let mut merged: Option<Report> = None;
    for folder in &options.folders {
        let report = Report::read(folder)?;
        match &mut merged {
            None => merged = Some(report),
            Some(merged) => merged.join(report).with_context(|| format!("the report in {}", folder.display()))?,
        }
    }
    let merged = merged.context("no report")?;
    merged.write(&options.out)?;
    Ok(merged)
}
