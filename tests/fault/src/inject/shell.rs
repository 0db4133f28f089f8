//! The machine's own tools.

use std::ffi::OsStr;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

/// No tool takes longer, on a machine that works.
const SECONDS_MAX: &str = "60";

/// Runs a program to its end; gives what it printed, trimmed.
///
/// # Errors
/// It cannot be started, fails, or does not end within a minute.
pub fn command<S: AsRef<OsStr>>(program: &str, arguments: &[S]) -> anyhow::Result<String> {
    let mut command = Command::new("timeout");
    command.arg(SECONDS_MAX).arg(program).args(arguments).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("failed to start {program} (scripts/setup installs it)"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{program} failed ({}): {}", output.status, said.trim());
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
