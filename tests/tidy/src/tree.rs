//! Reads the real tree: its files, its manifests and what cargo makes of them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::edges::Edges;

/// The root of the workspace.
#[must_use]
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map_or_else(|| here.to_owned(), Path::to_owned)
}

/// The text files that belong to the tree (tracked, or new and not ignored), by path relative to the root.
///
/// # Errors
/// A folder cannot be read.
pub fn files() -> anyhow::Result<BTreeMap<String, String>> {
    let mut files = BTreeMap::new();
    for path in listed_by_git().map_or_else(walked, Ok)? {
        // Deleted but not yet committed, or not text: nothing to check.
        if let Ok(text) = std::fs::read_to_string(root().join(&path)) {
            files.insert(path, text);
        }
    }
    if files.is_empty() {
        bail!("no file was found below {}", root().display());
    }
    Ok(files)
}

fn listed_by_git() -> Option<Vec<String>> {
    let arguments = ["ls-files", "--cached", "--others", "--exclude-standard"];
    let output = Command::new("git").args(arguments).current_dir(root()).output().ok()?;
    let listed: Vec<String> = String::from_utf8(output.stdout).ok()?.lines().map(str::to_owned).collect();
    (output.status.success() && !listed.is_empty()).then_some(listed)
}

/// For a tree without git (a source archive): everything but what builds and runs leave behind.
fn walked() -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for item in std::fs::read_dir(&folder).with_context(|| format!("failed to read {}", folder.display()))? {
            let path = item?.path();
            let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if path.is_dir() {
                let leftover = matches!(name.as_str(), "target" | "data" | ".git" | ".venv" | "node_modules");
                if !leftover {
                    folders.push(path);
                }
            } else if let Ok(relative) = path.strip_prefix(root()) {
                found.push(relative.to_string_lossy().into_owned());
            }
        }
    }
    Ok(found)
}

/// What `cargo metadata` says of the workspace on this machine's platform.
#[derive(Debug, Default)]
pub struct Metadata {
    /// The manifest of each member, by crate.
    pub manifests: BTreeMap<String, PathBuf>,
    /// The members under `tests/`.
    pub tests: BTreeSet<String>,
    /// What each member's normal dependencies name, features left off.
    pub edges: Edges,
    /// What each member's normal, build and dev dependencies name.
    pub all_edges: Edges,
    /// The licence expression of each package that is built and not ours.
    pub licences: BTreeMap<String, Option<String>>,
}

/// Asks cargo for the workspace.
///
/// # Errors
/// Cargo fails (the lock file is out of date, say) or its answer has another shape.
pub fn metadata() -> anyhow::Result<Metadata> {
    let text = cargo(&["metadata", "--format-version", "1", "--filter-platform", &platform()?])?;
    let answer: Value = serde_json::from_str(&text).context("cargo metadata is not JSON")?;
    let members: BTreeSet<&str> = list(&answer, "workspace_members").iter().filter_map(Value::as_str).collect();
    let built: BTreeSet<&str> = list(answer.get("resolve").unwrap_or(&Value::Null), "nodes")
        .iter()
        .filter_map(|node| node["id"].as_str())
        .collect();
    let mut found = Metadata::default();
    for package in list(&answer, "packages") {
        let id = package["id"].as_str().context("a package has no id")?;
        let name = package["name"].as_str().context("a package has no name")?.to_owned();
        if members.contains(id) {
            let manifest = package["manifest_path"].as_str().context("a member has no manifest")?;
            if Path::new(manifest).starts_with(root().join("tests")) {
                found.tests.insert(name.clone());
            }
            found.manifests.insert(name.clone(), PathBuf::from(manifest));
            found.edges.insert(name.clone(), dependencies(package, is_always_used));
            found.all_edges.insert(name, dependencies(package, |_| true));
        } else if built.contains(id) {
            found.licences.insert(name, package["license"].as_str().map(str::to_owned));
        }
    }
    Ok(found)
}

/// Every crate below `krate` through normal dependencies, with the features that this crate alone asks for.
///
/// # Errors
/// Cargo fails.
pub fn below(krate: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = cargo(&["tree", "--package", krate, "--edges", "normal", "--prefix", "none"])?;
    let names = text.lines().filter_map(|line| line.split(' ').next());
    Ok(names.filter(|name| !name.is_empty() && *name != krate).map(str::to_owned).collect())
}

/// Asks cargo for a workspace's packages, which it refuses when the lock file is not what the manifests ask for.
///
/// # Errors
/// Cargo refuses.
pub fn check_locked(manifest: &str) -> anyhow::Result<()> {
    cargo(&["metadata", "--locked", "--format-version", "1", "--manifest-path", manifest]).map(drop)
}

/// The packages of others that a lock file names, with their versions.
#[must_use]
pub fn versions(lock: &str) -> BTreeSet<(String, String)> {
    let field = |package: &str, name: &str| {
        let line = package.lines().find_map(|line| line.strip_prefix(&format!("{name} = \"")));
        line.and_then(|rest| rest.strip_suffix('"')).map(str::to_owned)
    };
    let packages = lock.split("[[package]]").filter(|package| package.contains("\nsource = "));
    packages.filter_map(|package| Some((field(package, "name")?, field(package, "version")?))).collect()
}

/// The bill of materials of a package, as `scripts/sbom` makes it.
///
/// # Errors
/// The script fails, or what it prints is not JSON.
pub fn bill_of_materials(package: &str) -> anyhow::Result<Value> {
    let mut script = Command::new("python3");
    let output = script.args(["scripts/sbom", "--package", package, "-"]).current_dir(root()).output();
    let output = output.context("failed to start python3")?;
    if !output.status.success() {
        bail!("scripts/sbom failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("scripts/sbom printed no JSON")
}

/// Neither for builds, nor for tests, nor behind a feature.
fn is_always_used(dependency: &Value) -> bool {
    let is_normal = dependency.get("kind").is_none_or(Value::is_null);
    is_normal && dependency.get("optional") != Some(&Value::Bool(true))
}

fn dependencies(package: &Value, wanted: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let declared = list(package, "dependencies").iter().filter(|dependency| wanted(dependency));
    declared.filter_map(|dependency| dependency["name"].as_str()).map(str::to_owned).collect()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

fn platform() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("failed to start rustc")?;
    let text = String::from_utf8(output.stdout).context("rustc printed no text")?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}

fn cargo(arguments: &[&str]) -> anyhow::Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(program).args(arguments).current_dir(root()).output().context("failed to start cargo")?;
    if !output.status.success() {
        bail!("cargo {} failed: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("cargo printed no text")
}
