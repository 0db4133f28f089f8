//! strace on a running server: what it asks of the kernel, and what the kernel is made to refuse.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use longwire_test_support::process::ended;
use longwire_test_support::{SOON, until};

/// A tracer of every thread of a process.
pub(crate) struct Tracer(Child);

impl Tracer {
    /// Traces the process `id`, with these of strace's options.
    pub(crate) fn attach<S: AsRef<OsStr>>(id: u32, options: &[S]) -> anyhow::Result<Self> {
        let mut command = Command::new("strace");
        command.arg("-f").args(options).arg("-p").arg(id.to_string()).stderr(Stdio::piped());
        let mut child = command.spawn().context("failed to start strace (scripts/setup installs it)")?;
        let stderr = child.stderr.take().context("strace has a standard error")?;
        let mut line = String::new();
        let mut lines = BufReader::new(stderr);
        // It tells first which paths it has resolved.
        while !line.contains("attached") {
            line.clear();
            ensure!(lines.read_line(&mut line)? > 0, "strace could not attach");
        }
        until("every thread to be traced", SOON, || is_traced(id).ok()?.then_some(()))?;
        Ok(Self(child))
    }

    pub(crate) fn detach(mut self) -> anyhow::Result<()> {
        let status = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status()?;
        ensure!(status.success(), "strace has ended before");
        ended(&mut self.0, SOON).map(drop)
    }
}

fn is_traced(id: u32) -> anyhow::Result<bool> {
    for thread in fs::read_dir(format!("/proc/{id}/task"))? {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        if status.contains("TracerPid:\t0\n") {
            return Ok(false);
        }
    }
    Ok(true)
}
