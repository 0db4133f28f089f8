//! Clocks that jump: the wall clock by libfaketime, also while a process runs; the monotonic ones by a time namespace, at a start.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::shell::command;

/// A wall clock that processes read through libfaketime.
#[derive(Debug)]
pub struct WallClock {
    file: PathBuf,
    library: String,
}

impl WallClock {
    /// A clock that goes right for now; its file is kept in `folder`.
    ///
    /// # Errors
    /// There is no libfaketime.
    pub fn new(folder: &Path) -> anyhow::Result<Self> {
        // The program knows where its library is, and says it in the environment of what it starts.
        let library = command("faketime", &["-f", "+0", "printenv", "LD_PRELOAD"])?;
        let clock = Self { file: folder.join("clock"), library };
        clock.jump("+0")?;
        Ok(clock)
    }

    /// What a process must have in its environment; the monotonic clock stays the machine's.
    #[must_use]
    pub fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("LD_PRELOAD", self.library.clone()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_string_lossy().into_owned()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ]
    }

    /// From now on it is off by this: `+3600`, `-1h`, `+10y`.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn jump(&self, offset: &str) -> anyhow::Result<()> {
        let next = self.file.with_extension("next");
        fs::write(&next, format!("{offset}\n")).context("failed to set the clock")?;
        // In one step: nobody reads half of it.
        fs::rename(&next, &self.file).context("failed to set the clock")
    }
}

/// What a process is started behind so that its monotonic clocks are ahead by so many seconds.
#[must_use]
pub fn ahead(seconds: &str) -> [&str; 6] {
    ["unshare", "--time", "--monotonic", seconds, "--boottime", seconds]
}
