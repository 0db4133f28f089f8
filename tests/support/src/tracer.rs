//! strace on a running process: what it asks of the kernel, and what the kernel is made to refuse, to delay or to kill it for.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

use crate::process::{ended, kill, signal};
use crate::{SOON, until};

/// A tracer of every thread of a process; it lets go when dropped.
#[derive(Debug)]
pub struct Tracer(Child);

impl Tracer {
    /// Traces the process `id`, with these of strace's options. A process that what is injected has killed meanwhile counts as traced.
    ///
    /// # Errors
    /// strace is not there, or may not.
    pub fn attach<S: AsRef<OsStr>>(id: u32, options: &[S]) -> anyhow::Result<Self> {
        let mut command = Command::new("strace");
        command.arg("-f").args(options).arg("-p").arg(id.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().context("failed to start strace (scripts/setup installs it)")?;
        let stderr = child.stderr.take().context("strace has a standard error")?;
        let tracer = Self(child);
        let mut line = String::new();
        let mut said = String::new();
        let mut lines = BufReader::new(stderr);
        // It tells first which paths it has resolved.
        while !line.contains("attached") {
            line.clear();
            ensure!(lines.read_line(&mut line)? > 0, "strace could not attach: {said}");
            said += &line;
        }
        // It goes on telling of each new thread: somebody has to read that.
        std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(drop));
        until("every thread to be traced", SOON, || is_traced(id).ok()?.then_some(()))?;
        Ok(tracer)
    }

    /// Injects into the system calls of the process `id`: `fault` is what strace's `inject=` takes, such as
    /// `fdatasync:error=EIO:when=1`; with `paths`, only into calls that concern one of these files.
    ///
    /// # Errors
    /// strace is not there, or may not.
    pub fn inject<P: AsRef<OsStr>>(id: u32, fault: &str, paths: &[P]) -> anyhow::Result<Self> {
        let calls = fault.split(':').next().unwrap_or_default();
        let (traced, injected) = (format!("trace={calls}"), format!("inject={fault}"));
        let mut options = ["-o", "/dev/null", "-e", &traced, "-e", &injected].map(OsStr::new).to_vec();
        for path in paths {
            options.extend([OsStr::new("-P"), path.as_ref()]);
        }
        Self::attach(id, &options)
    }

    /// Lets the process go.
    ///
    /// # Errors
    /// strace has ended before, or does not end.
    pub fn detach(mut self) -> anyhow::Result<()> {
        signal(&self.0, "INT").context("strace has ended before")?;
        ended(&mut self.0, SOON).map(drop)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        kill(&mut self.0);
    }
}

fn is_traced(id: u32) -> anyhow::Result<bool> {
    let threads = match fs::read_dir(format!("/proc/{id}/task")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(true),
        threads => threads?,
    };
    for thread in threads {
        let status = fs::read_to_string(thread?.path().join("status"))?;
        let is_dead = status.contains("State:\tZ") || status.contains("State:\tX");
        if status.contains("TracerPid:\t0\n") && !is_dead {
            return Ok(false);
        }
    }
    Ok(true)
}
