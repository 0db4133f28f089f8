//! strace on a running process: what it asks of the kernel, and what the kernel is made to refuse, to delay or to kill it for.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, ErrorKind};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use tempfile::TempDir;

use crate::process::{ended, kill, signal};
use crate::{SOON, folder, until};

/// The file that it writes, in a folder of its own.
const TRACE: &str = "trace";
/// What strace writes behind a call that it has tampered with.
const MARKS: [&str; 2] = ["(INJECTED)", "(DELAYED)"];

/// A tracer of every thread of a process; it lets go when dropped.
#[derive(Debug)]
pub struct Tracer {
    strace: Child,
    /// What it writes of the calls, where it injects.
    trace: Option<TempDir>,
}

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
        let tracer = Self { strace: child, trace: None };
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
        let trace = folder();
        let output = trace.path().join(TRACE);
        let mut options = ["-s", "0", "-e", &traced, "-e", &injected, "-o"].map(OsStr::new).to_vec();
        options.push(output.as_os_str());
        for path in paths {
            options.extend([OsStr::new("-P"), path.as_ref()]);
        }
        let mut tracer = Self::attach(id, &options)?;
        tracer.trace = Some(trace);
        Ok(tracer)
    }

    /// How many calls were made to fail, or delayed, up to now.
    ///
    /// # Errors
    /// Nothing is injected, or what was written of it cannot be read.
    pub fn injected(&self) -> anyhow::Result<usize> {
        let trace = self.trace.as_ref().context("nothing is injected")?;
        let written = fs::read(trace.path().join(TRACE)).context("failed to read what strace wrote")?;
        let written = String::from_utf8_lossy(&written);
        Ok(written.lines().filter(|line| MARKS.iter().any(|mark| line.contains(mark))).count())
    }

    /// Lets the process go.
    ///
    /// # Errors
    /// strace has ended before, or does not end.
    pub fn detach(mut self) -> anyhow::Result<()> {
        self.let_go()
    }

    /// Lets the process go; gives how many of its calls were made to fail, or delayed: a fault that struck nothing shows nothing.
    ///
    /// # Errors
    /// strace has ended before, or does not end; or nothing was injected.
    pub fn detach_struck(mut self) -> anyhow::Result<usize> {
        self.let_go()?;
        let injected = self.injected()?;
        ensure!(injected > 0, "strace injected nothing");
        Ok(injected)
    }

    fn let_go(&mut self) -> anyhow::Result<()> {
        signal(&self.strace, "INT").context("strace has ended before")?;
        ended(&mut self.strace, SOON).map(drop)
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        kill(&mut self.strace);
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
