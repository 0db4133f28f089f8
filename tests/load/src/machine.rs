//! Where and of what the figures are: what stands on top of them.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::Serialize;

/// The machine, the commit and the moment.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    memory_gib: u64,
    kernel: String,
    /// How busy it was before anything was measured: above a few tenths the figures are somebody else's.
    load_before: String,
    /// The same when all was measured.
    load_after: String,
    /// Of the folder in which the servers keep what they keep.
    store_file_system: String,
    commit: String,
    /// Whether the tree differs from the commit.
    is_changed: bool,
    date: String,
    /// Of what is measured, by its name.
    versions: Vec<(String, String)>,
}

impl Machine {
    /// This one, with the versions of what is measured.
    pub(crate) fn this(versions: Vec<(String, String)>) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cpu, memory, mounts) = (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/proc/mounts"));
        let memory_kib = field(&memory, "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or_default();
        // Where `longwire_test_support::folder` is.
        let store = fs::canonicalize(std::env::temp_dir()).unwrap_or_default();
        Self {
            processor: field(&cpu, "model name").to_owned(),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_gib: (memory_kib + 512 * 1024) / 1024 / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().split('-').next().unwrap_or_default().to_owned(),
            load_before: load(),
            load_after: String::new(),
            store_file_system: file_system(&mounts, &store).unwrap_or("unknown").to_owned(),
            commit: said("git", &["log", "-1", "--format=%h (%s)"]),
            is_changed: !said("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty(),
            date: said("date", &["-u", "+%Y-%m-%d"]),
            versions,
        }
    }

    /// Notes how busy it is now that something is measured.
    pub(crate) fn note_load_after(&mut self) {
        self.load_after = load();
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, processors, memory_gib, kernel, commit, date, versions, .. } = self;
        let changed = if self.is_changed { ", with changes" } else { "" };
        writeln!(
            f,
            "{date}, commit {commit}{changed}, on {processors} processors ({processor}) with {memory_gib} GiB under Linux {kernel}; load before: \
             {}, after: {} (of which the run itself is a part); stores on {}.",
            self.load_before, self.load_after, self.store_file_system
        )?;
        let versions: Vec<String> = versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        writeln!(f, "Measured: {}.", versions.join(", "))
    }
}

/// Processes that ran or waited for a disk, on average over the last minute.
fn load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().split(' ').next().unwrap_or_default().to_owned()
}

/// The type of the file system that holds a path, by lines as /proc/mounts has them.
fn file_system<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let holds = |line: &'a str| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (Path::new(fields.next()?), fields.next()?);
        path.starts_with(place).then(|| (place.components().count(), kind))
    };
    // Of those at one place the last one hides the others.
    mounts.lines().filter_map(holds).max_by_key(|(depth, _)| *depth).map(|(_, kind)| kind)
}

/// The value of a `name : value` line.
fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let of_line = |line: &'a str| line.strip_prefix(name)?.trim_start().strip_prefix(':').map(str::trim);
    text.lines().find_map(of_line).unwrap_or_default()
}

/// What a command prints, in one line; nothing when it is not here, or fails.
pub(crate) fn said(command: &str, arguments: &[&str]) -> String {
    output(command, arguments).map(|(text, _)| text.trim().to_owned()).unwrap_or_default()
}

/// What a command prints, and what it says beside that.
///
/// # Errors
/// It is not here, or fails.
pub(crate) fn output(command: &str, arguments: &[impl AsRef<OsStr>]) -> anyhow::Result<(String, String)> {
    let output = Command::new(command).args(arguments).output().with_context(|| format!("failed to run {command}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let said = text(&output.stderr);
    ensure!(output.status.success(), "{command} failed ({}): {said}", output.status);
    Ok((text(&output.stdout), said))
}

/// Raises the limit of open files as far as it goes, also for the servers that are started from here; gives it.
///
/// # Errors
/// The kernel refuses.
pub(crate) fn raise_file_limit() -> anyhow::Result<usize> {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
        .context("failed to raise the limit of open files")?;
    Ok(maximum.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_by_its_whole_name() {
        let text = "model\t\t: 1\nmodel name\t: A processor\nMemTotal:       24576 kB\n";
        assert_eq!(field(text, "model name"), "A processor");
        assert_eq!(field(text, "MemTotal"), "24576 kB");
        assert_eq!(field(text, "Mem"), "");
    }

    #[test]
    fn a_path_is_on_the_file_system_mounted_closest_above_it() {
        let mounts = "/dev/a / ext4 rw 0 0\ntmpfs /tmp tmpfs rw 0 0\n/dev/b /tmp/disk xfs rw 0 0\n/dev/c /tmp/disk btrfs rw 0 0\n";
        let on = |path: &str| file_system(mounts, Path::new(path));
        assert_eq!((on("/home"), on("/tmp/x"), on("/tmpx")), (Some("ext4"), Some("tmpfs"), Some("ext4")));
        assert_eq!(on("/tmp/disk/x"), Some("btrfs"));
        assert_eq!(file_system("", Path::new("/home")), None);
    }
}
