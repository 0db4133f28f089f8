//! Where and of what the figures are: what stands on top of them.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

/// Above it the machine does something else, and the table says so on top.
const LOAD_MAX: f64 = 0.5;

/// The machine, the commit and the moment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Machine {
    processor: String,
    processors: usize,
    memory_gib: u64,
    kernel: String,
    /// How busy it was before anything was built and measured.
    load_before: String,
    /// The same when all was measured.
    load_after: String,
    /// Of the folder in which the servers keep what they keep.
    store_file_system: String,
    /// Empty when the binaries are those of a folder.
    commit: String,
    /// The folder whose binaries are measured, whatever they are of; none when they are of the commit.
    binaries: Option<PathBuf>,
    /// Whether the tree differs from the commit.
    is_changed: bool,
    date: String,
    /// Of what is measured, by its name.
    versions: Vec<(String, String)>,
}

impl Machine {
    /// This one, with the versions of what is measured, and its load before that where it was already read.
    pub(crate) fn this(versions: Vec<(String, String)>, load_before: Option<String>) -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let (cpu, memory, mounts) = (read("/proc/cpuinfo"), read("/proc/meminfo"), read("/proc/mounts"));
        let memory_kib = field(&memory, "MemTotal").trim_end_matches(" kB").parse::<u64>().unwrap_or_default();
        // Where `longwire_test_support::folder` is.
        let store = fs::canonicalize(std::env::temp_dir()).unwrap_or_default();
        // Where `longwire_test_support::process::binary` looks first.
        let binaries = std::env::var_os("BIN_DIR").map(PathBuf::from);
        let of_tree = |arguments: &[&str]| if binaries.is_none() { said("git", arguments) } else { String::new() };
        Self {
            processor: field(&cpu, "model name").to_owned(),
            processors: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            memory_gib: (memory_kib + 512 * 1024) / 1024 / 1024,
            kernel: read("/proc/sys/kernel/osrelease").trim().split('-').next().unwrap_or_default().to_owned(),
            load_before: load_before.unwrap_or_else(load),
            load_after: String::new(),
            store_file_system: file_system(&mounts, &store).unwrap_or("unknown").to_owned(),
            commit: of_tree(&["log", "-1", "--format=%h (%s)"]),
            is_changed: !of_tree(&["status", "--porcelain", "--untracked-files=no"]).is_empty(),
            binaries,
            date: said("date", &["-u", "+%Y-%m-%d"]),
            versions,
        }
    }

    /// Notes how busy it is now that something is measured.
    pub(crate) fn note_load_after(&mut self) {
        self.load_after = load();
    }

    /// Takes the later moment, and the heavier load before, of another report.
    ///
    /// # Errors
    /// It is of another machine, commit or version.
    pub(crate) fn join(&mut self, other: &Self) -> anyhow::Result<()> {
        let timeless = |machine: &Self| Self {
            load_before: String::new(),
            load_after: String::new(),
            date: String::new(),
            ..machine.clone()
        };
        ensure!(timeless(self) == timeless(other), "is of another machine, commit or version");
        let number = |load: &str| load.parse::<f64>().unwrap_or_default();
        if number(&other.load_before) > number(&self.load_before) {
            self.load_before.clone_from(&other.load_before);
        }
        if other.date >= self.date {
            (self.date, self.load_after) = (other.date.clone(), other.load_after.clone());
        }
        Ok(())
    }

    /// What stands on top when the machine was busy before; nothing when it was not.
    pub(crate) fn warning(&self) -> Option<String> {
        let load: f64 = self.load_before.parse().ok()?;
        let says = |load| {
            format!(
                "**The machine was busy before the run (load {load}): these figures are too bad by what else it did.**"
            )
        };
        (load > LOAD_MAX).then(|| says(load))
    }
}

impl fmt::Display for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { processor, processors, memory_gib, kernel, commit, date, versions, .. } = self;
        let changed = if self.is_changed { ", with changes" } else { "" };
        let of = match &self.binaries {
            Some(folder) => format!("binaries of {}", folder.display()),
            None => format!("commit {commit}{changed}"),
        };
        if let Some(warning) = self.warning() {
            writeln!(f, "{warning}\n")?;
        }
        writeln!(
            f,
            "{date}, {of}, on {processors} processors ({processor}) with {memory_gib} GiB under Linux {kernel}; load before: \
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
impl Machine {
    pub(crate) fn busy(load: &str) -> Self {
        Self { load_before: load.to_owned(), ..Self::default() }
    }
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

    #[test]
    fn a_busy_machine_is_told_on_top() {
        assert_eq!((Machine::busy("0.50").warning(), Machine::busy("").warning()), (None, None));
        let text = Machine::busy("0.51").to_string();
        assert!(text.starts_with("**The machine was busy before the run (load 0.51)"), "{text}");
    }

    #[test]
    fn binaries_of_a_folder_have_no_commit() {
        let machine = Machine { binaries: Some(PathBuf::from("old")), ..Machine::default() };
        let text = machine.to_string();
        assert!(text.contains(", binaries of old, on ") && !text.contains("commit"), "{text}");
    }
}
