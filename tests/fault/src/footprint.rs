//! What a process takes of the machine, from `/proc`.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use longwire_test_support::wait::now;

/// Clock ticks of `/proc/PID/stat` in a second, on every Linux there is.
const TICKS_PER_SECOND: u64 = 100;

/// What a process takes at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// Resident memory in KiB.
    pub rss_kib: u64,
    /// Open files.
    pub files: usize,
    /// Processor time so far, in ticks.
    ticks: u64,
}

impl Footprint {
    /// Of a running process.
    ///
    /// # Errors
    /// It has ended.
    pub fn of(process: u32) -> anyhow::Result<Self> {
        let status = fs::read_to_string(format!("/proc/{process}/status")).context("the process has ended")?;
        let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let rss_kib = rss.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")?;
        let files = fs::read_dir(format!("/proc/{process}/fd"))?.count();
        let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
        // The name in brackets may hold spaces; utime and stime are the twelfth and thirteenth behind it.
        let (_, rest) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks = rest.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<u64>().ok()).sum();
        Ok(Self { rss_kib, files, ticks })
    }
}

/// How much of one processor a process takes while `work` runs, in percent; and what `work` gives.
///
/// # Errors
/// The process has ended, or `work` fails.
pub fn load_percent<T>(process: u32, work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(u64, T)> {
    let (before, began) = (Footprint::of(process)?, now());
    let done = work()?;
    let spent = Footprint::of(process)?.ticks.saturating_sub(before.ticks) * 1_000 / TICKS_PER_SECOND;
    let elapsed = began.elapsed().max(Duration::from_millis(1));
    Ok((spent * 100 / u64::try_from(elapsed.as_millis())?, done))
}
