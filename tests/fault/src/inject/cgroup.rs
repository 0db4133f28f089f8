//! A ceiling on the memory of a process: a control group of version 1.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

/// A memory cgroup; it goes when dropped, once it is empty.
#[derive(Debug)]
pub struct MemoryCgroup(PathBuf);

impl MemoryCgroup {
    /// A new one that admits so many MiB, swap included where the kernel counts it.
    ///
    /// # Errors
    /// There is no such controller.
    pub fn new(name: &str, mib: u64) -> anyhow::Result<Self> {
        let place = PathBuf::from(format!("/sys/fs/cgroup/memory/longwire-{name}-{}", std::process::id()));
        fs::create_dir(&place).with_context(|| format!("failed to make {}", place.display()))?;
        let cgroup = Self(place);
        cgroup.limit(mib)?;
        Ok(cgroup)
    }

    /// Another limit.
    ///
    /// # Errors
    /// More than that is in use and cannot be given back.
    pub fn limit(&self, mib: u64) -> anyhow::Result<()> {
        fs::write(self.0.join("memory.limit_in_bytes"), (mib * 1024 * 1024).to_string())
            .context("failed to set a limit")
    }

    /// Takes a process in.
    ///
    /// # Errors
    /// It has ended.
    pub fn take(&self, process: u32) -> anyhow::Result<()> {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).context("failed to take a process in")
    }

    /// What a process is started behind that is to be in it from its start.
    #[must_use]
    pub fn prefix(&self) -> [String; 3] {
        let enter = format!("echo $$ > '{}' && exec \"$0\" \"$@\"", self.0.join("cgroup.procs").display());
        ["sh".to_owned(), "-c".to_owned(), enter]
    }

    /// How often the kernel has ended a process in it for want of memory.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn kills(&self) -> anyhow::Result<u64> {
        let text = fs::read_to_string(self.0.join("memory.oom_control"))?;
        let count = text.lines().find_map(|line| line.strip_prefix("oom_kill "));
        count.context("no oom_kill")?.parse().context("no number")
    }

    /// The most that was in use, in KiB.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn most_kib(&self) -> anyhow::Result<u64> {
        let text = fs::read_to_string(self.0.join("memory.max_usage_in_bytes"))?;
        Ok(text.trim().parse::<u64>().context("no number")? / 1024)
    }
}

impl Drop for MemoryCgroup {
    fn drop(&mut self) {
        // It fails while a process is in it, which is killed with its test.
        drop(fs::remove_dir(&self.0));
    }
}
