//! What a case needs of the machine. Where it is missing the case is skipped with a line that says so, and only where
//! `skips.toml` lists the need with the reason for which a machine may lack it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use serde::Deserialize;

const LIST: &str = include_str!("../skips.toml");

/// What a machine may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// strace, and leave to trace.
    Tracing,
    /// Root, where mounts are made.
    Mounts,
    /// A loop device, and mkfs.ext4.
    LoopDevice,
    /// Network namespaces and nftables in them.
    Namespaces,
    /// Connection tracking with its own time-outs in such a namespace.
    Conntrack,
    /// Killing one socket by `ss -K`.
    SocketKill,
    /// Time namespaces.
    TimeNamespace,
    /// libfaketime.
    Faketime,
    /// A memory cgroup of version 1.
    MemoryCgroup,
    /// An older release to upgrade from, in `OLD_BIN_DIR`.
    OlderRelease,
    /// The commands `longwire backup` and `longwire restore`.
    Backup,
}

impl Need {
    /// Its name in `skips.toml`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tracing => "tracing",
            Self::Mounts => "mounts",
            Self::LoopDevice => "loop-device",
            Self::Namespaces => "namespaces",
            Self::Conntrack => "conntrack",
            Self::SocketKill => "socket-kill",
            Self::TimeNamespace => "time-namespace",
            Self::Faketime => "faketime",
            Self::MemoryCgroup => "memory-cgroup",
            Self::OlderRelease => "older-release",
            Self::Backup => "backup",
        }
    }

    /// Why this machine cannot; none when it can.
    #[must_use]
    pub fn missing(self) -> Option<String> {
        let tried = match self {
            Self::Tracing => tries("strace -qq -o /dev/null true"),
            Self::Mounts => tries("d=$(mktemp -d) && mount -t tmpfs -o size=64k tmpfs $d && umount $d && rmdir $d"),
            Self::LoopDevice => tries("command -v mkfs.ext4 && losetup --find"),
            Self::Namespaces => in_namespace("nft add table inet probe"),
            Self::Conntrack => in_namespace(
                "nft add table inet probe && nft add chain inet probe c '{ type filter hook input priority 0; }' \
                 && nft add rule inet probe c ct state invalid drop \
                 && echo 5 > /proc/sys/net/netfilter/nf_conntrack_tcp_timeout_established",
            ),
            Self::SocketKill => in_namespace("ip link set lo up && ss -K dst 127.0.0.1 dport = 9"),
            Self::TimeNamespace => tries("unshare --time --boottime 86400 true"),
            Self::Faketime => tries("faketime '2030-01-01 00:00:00' date | grep -q 2030"),
            Self::MemoryCgroup => tries("d=/sys/fs/cgroup/memory/longwire-probe-$$ && mkdir $d && rmdir $d"),
            Self::OlderRelease => tries("test -x \"$OLD_BIN_DIR/longwire\""),
            Self::Backup => has_backup(),
        };
        tried.err()
    }
}

/// Runs it in a network namespace of its own, which goes with it. (One that was named would outlive a test that is killed.)
fn in_namespace(script: &str) -> Result<(), String> {
    let quoted = script.replace('\'', "'\\''");
    tries(&format!("unshare --net sh -c '{quoted}'"))
}

fn has_backup() -> Result<(), String> {
    let binary = longwire_test_support::process::binary("longwire").map_err(|error| error.to_string())?;
    tries(&format!("'{0}' backup --help && '{0}' restore --help", binary.display()))
}

fn tries(script: &str) -> Result<(), String> {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdin(Stdio::null()).stdout(Stdio::null());
    let output = command.output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().lines().last().unwrap_or_default().to_owned();
    Err(if said.is_empty() { format!("`{script}` fails") } else { said })
}

/// `skips.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// What a machine may lack, and the cases that are skipped then.
    #[serde(default)]
    pub skip: Vec<Skip>,
    /// Tests of other crates that skip themselves where a machine lacks something.
    #[serde(default)]
    pub outside: Vec<Outside>,
    /// Cases of the matrix that concern what does not exist yet.
    #[serde(default)]
    pub later: Vec<Pointer>,
    /// Cases of the matrix that are held by another suite.
    #[serde(default)]
    pub elsewhere: Vec<Pointer>,
}

/// A need that may be missing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    /// [`Need::name`].
    pub need: String,
    /// The cases that may be skipped for it.
    pub cases: BTreeSet<String>,
    /// Why a machine may lack it.
    pub reason: String,
}

/// A test of another crate that may be skipped.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outside {
    /// `FILE: NAME`.
    pub test: String,
    /// Why a machine may lack what it needs.
    pub reason: String,
}

/// Why a case is not here.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pointer {
    /// The id, such as `F08`.
    pub id: String,
    /// Why, or where it is.
    pub reason: String,
}

impl List {
    /// The list of this tree.
    ///
    /// # Errors
    /// It is not what it should be.
    pub fn read() -> anyhow::Result<Self> {
        let list: Self = toml::from_str(LIST).context("failed to read tests/fault/skips.toml")?;
        let reasons =
            list.skip.iter().map(|skip| &skip.reason).chain(list.outside.iter().map(|outside| &outside.reason));
        let pointers = list.later.iter().chain(&list.elsewhere).map(|pointer| &pointer.reason);
        ensure!(reasons.chain(pointers).all(|reason| reason.len() > 10), "an entry of skips.toml gives no reason");
        Ok(list)
    }

    /// Whether a case may be skipped where a need is missing.
    #[must_use]
    pub fn may_skip(&self, id: &str, need: Need) -> bool {
        self.skip.iter().any(|skip| skip.need == need.name() && skip.cases.contains(id))
    }
}

/// The catalogue ids of all cases in the sources of the tests: `f05_…` is F05.
///
/// # Errors
/// A file cannot be read.
pub fn written() -> anyhow::Result<BTreeMap<String, usize>> {
    let mut found = BTreeMap::new();
    for target in ["fault", "faults"] {
        let folder = format!("{}/tests/{target}", env!("CARGO_MANIFEST_DIR"));
        for file in fs::read_dir(folder)? {
            let text = fs::read_to_string(file?.path())?;
            for name in text.split("fn f").skip(1) {
                let digits: String = name.chars().take_while(char::is_ascii_digit).collect();
                if digits.len() == 2 && name.get(2..3) == Some("_") {
                    *found.entry(format!("F{digits}")).or_default() += 1;
                }
            }
        }
    }
    Ok(found)
}

/// What a test prints when it skips itself, outside of this crate.
const SAID: &str = "skipped: ";

/// The tests of other crates that say that they are skipped, as `FILE: NAME`.
///
/// # Errors
/// A file cannot be read.
pub fn said() -> anyhow::Result<BTreeSet<String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut said = BTreeSet::new();
    for folder in ["android-client", "protocol", "server", "tests", "uniffi-bindings"] {
        search(&root, &root.join(folder), &mut said)?;
    }
    Ok(said)
}

fn search(root: &Path, folder: &Path, said: &mut BTreeSet<String>) -> anyhow::Result<()> {
    for item in fs::read_dir(folder)? {
        let path = item?.path();
        let own = path.strip_prefix(root)?.to_string_lossy().into_owned();
        if path.is_dir() && !own.starts_with("tests/fault") {
            search(root, &path, said)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            said.extend(sayers(&fs::read_to_string(&path)?).into_iter().map(|name| format!("{own}: {name}")));
        }
    }
    Ok(())
}

/// The functions of a source that print it.
fn sayers(source: &str) -> BTreeSet<&str> {
    let mut function = "";
    let mut found = BTreeSet::new();
    for line in source.lines() {
        if let Some((_, rest)) =
            line.split_once("fn ").filter(|(before, _)| ["", "async ", "pub "].contains(&before.trim_start()))
        {
            function = rest.split(['(', '<']).next().unwrap_or_default();
        }
        if line.contains("println!") && line.contains(SAID) {
            found.insert(function);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_says_that_it_is_skipped_is_found() {
        let source = "fn one() {\n    println!(\"a: skipped: b\");\n}\n#[test]\nasync fn two() {\n    eprintln!(\"skipped: c\");\n}\nfn three() {}\n";
        assert_eq!(sayers(source), BTreeSet::from(["one", "two"]));
    }
}
