//! What a process costs, as the kernel counts it.

use anyhow::Context;

/// A line of its status in KiB: `VmRSS` is now, `VmHWM` the most so far.
pub(crate) fn memory_kib(process: u32, line: &str) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("the server is gone")?;
    let found = status.lines().find_map(|found| found.strip_prefix(line)?.strip_prefix(':'));
    let value = found.and_then(|value| value.split_whitespace().next()?.parse().ok());
    value.with_context(|| format!("the status of a process has {line}"))
}

/// The time of processors that it has used, in milliseconds; the kernel counts in hundredths of a second.
pub(crate) fn processor_ms(process: u32) -> anyhow::Result<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).context("the server is gone")?;
    let (_, behind_name) = stat.rsplit_once(')').context("a name in parentheses")?;
    // Of what stands behind the name, the 12th and 13th: time in user space and in the kernel (proc(5)).
    let ticks: Option<u64> =
        behind_name.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().ok()).sum();
    Ok(ticks.context("two numbers")? * 10)
}

/// How many files it has open.
pub(crate) fn open_files(process: u32) -> anyhow::Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{process}/fd")).context("the server is gone")?.count())
}
