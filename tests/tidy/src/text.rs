//! Rules about the text of files: lengths, headers, escapes from the lints, places of one machine.

use crate::Violations;
use crate::code::{outside_tests, split};

/// No Rust file is longer.
pub const LINES_MAX: usize = 800;

/// Checks one Rust file; `path` is relative to the tree's root.
#[must_use]
pub fn check_rust(path: &str, source: &str) -> Violations {
    let mut violations = Vec::new();
    let lines = source.lines().count();
    if lines > LINES_MAX {
        violations.push(format!("{path} has {lines} lines, more than {LINES_MAX}"));
    }
    if !source.starts_with("//! ") {
        violations.push(format!("{path} does not begin with a `//!` line that says what it is for"));
    }
    let code = split(source).code;
    for attribute in ["#[allow(", "#![allow("] {
        if code.contains(attribute) {
            violations.push(format!("{path} has {attribute}…)]: use #[expect(…, reason = …)]"));
        }
    }
    if code.contains("#[ignore") {
        violations.push(format!("{path} has a test that is ignored"));
    }
    if !is_test_file(path) && outside_tests(&code).contains(".unwrap()") {
        violations.push(format!("{path} has unwrap() outside tests"));
    }
    violations
}

fn is_test_file(path: &str) -> bool {
    path.starts_with("tests/") || path.contains("/tests/")
}

/// Places that exist on one machine only; spelt apart so that this file passes its own rule.
fn machine_places() -> Vec<String> {
    let folders = ["work", "root", "home/runner"].map(|name| format!("/{name}/"));
    let mut places: Vec<String> = folders.into_iter().collect();
    places.push(["/tmp/", "lw"].concat());
    places.push(["index", "-url"].concat());
    places
}

/// Checks any text file for places that mean nothing on another machine.
#[must_use]
pub fn check_places(path: &str, text: &str) -> Violations {
    let mut violations = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for place in machine_places() {
            let outside_url = line.match_indices(&place).any(|(at, _)| stands_alone(line, at));
            if outside_url {
                violations.push(format!("{path}:{} names {place}, which is a place of one machine", number + 1));
            }
        }
    }
    violations
}

/// Whether a path begins at `at`, rather than going on from a host or a relative folder.
fn stands_alone(line: &str, at: usize) -> bool {
    let before = line.get(..at).and_then(|text| text.chars().next_back());
    !before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '.' | '/' | '}' | ')' | '*'))
}

/// Checks that every package of `Cargo.lock` comes from crates.io or from this tree.
#[must_use]
pub fn check_lock(lock: &str) -> Violations {
    let crates_io = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
    let sources = lock.lines().filter(|line| line.starts_with("source = ") && *line != crates_io);
    sources.map(|line| format!("Cargo.lock has a package from elsewhere: {line}")).collect()
}

/// Checks that a manifest of a member takes the workspace's lints, edition, version and licence.
#[must_use]
pub fn check_manifest(path: &str, manifest: &str) -> Violations {
    let mut violations = Vec::new();
    let inherits =
        manifest.split("[lints]").nth(1).is_some_and(|rest| rest.trim_start().starts_with("workspace = true"));
    if !inherits {
        violations.push(format!("{path} does not take the lints of the workspace"));
    }
    for field in ["version", "edition", "rust-version", "license", "publish"] {
        if !manifest.contains(&format!("\n{field}.workspace = true")) {
            violations.push(format!("{path} does not take `{field}` from the workspace"));
        }
    }
    let own_version = manifest.lines().filter(|line| line.contains("version = \"") && !line.starts_with("version"));
    violations.extend(own_version.map(|line| format!("{path} pins a version of its own: {line}")));
    violations
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "//! A file.\nfn main() {}\n";

    #[test]
    fn a_good_file_passes() {
        assert_eq!(check_rust("a/src/b.rs", GOOD), Vec::<String>::new());
    }

    #[test]
    fn a_file_at_the_limit_passes_and_one_above_is_caught() {
        let at_limit = format!("//! A file.\n{}", "\n".repeat(LINES_MAX - 1));
        assert_eq!(check_rust("a/src/b.rs", &at_limit), Vec::<String>::new());
        assert_eq!(check_rust("a/src/b.rs", &format!("{at_limit}\n")).len(), 1);
    }

    #[test]
    fn each_planted_escape_is_caught() {
        for planted in [
            "fn main() {}\n",
            "//! A.\n#[allow(dead_code)]\nfn a() {}\n",
            "//! A.\n#![allow(dead_code)]\n",
            "//! A.\n#[ignore]\nfn a() {}\n",
            "//! A.\n#[ignore = \"later\"]\nfn a() {}\n",
            "//! A.\nfn a() { b.unwrap() }\n",
        ] {
            assert_eq!(check_rust("a/src/b.rs", planted).len(), 1, "{planted}");
        }
    }

    #[test]
    fn what_looks_like_an_escape_passes() {
        for harmless in [
            "//! A.\n// #[allow(x)] and unwrap()\n",
            "//! A.\nlet a = \"#[allow(x)] b.unwrap() #[ignore]\";\n",
            "//! A.\n#[cfg(test)]\nmod tests { fn a() { b.unwrap() } }\n",
            "//! A.\n#[expect(dead_code)]\nfn a() { b.unwrap_or(1) }\n",
        ] {
            assert_eq!(check_rust("a/src/b.rs", harmless), Vec::<String>::new(), "{harmless}");
        }
    }

    #[test]
    fn a_place_of_one_machine_is_caught() {
        for place in machine_places() {
            assert_eq!(check_places("a.md", &format!("see {place}x")).len(), 1, "{place}");
            assert_eq!(check_places("a.md", &format!("see \"{place}x\"")).len(), 1, "{place}");
        }
        assert_eq!(check_places("a.md", "https://example.com/work/x ./root/x"), Vec::<String>::new());
    }

    #[test]
    fn a_package_from_elsewhere_is_caught() {
        assert_eq!(check_lock("source = \"registry+https://mirror.example/index\"").len(), 1);
        assert_eq!(check_lock("source = \"git+https://example.com/x\"").len(), 1);
        let crates_io = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        assert_eq!(check_lock(crates_io), Vec::<String>::new());
    }

    #[test]
    fn a_manifest_that_goes_its_own_way_is_caught() {
        let good = "[package]\nname = \"a\"\nversion.workspace = true\nedition.workspace = true\nrust-version.workspace = true\n\
                    license.workspace = true\npublish.workspace = true\n\n[lints]\nworkspace = true\n";
        assert_eq!(check_manifest("a/Cargo.toml", good), Vec::<String>::new());
        assert_eq!(check_manifest("a/Cargo.toml", &good.replace("[lints]\nworkspace = true\n", "")).len(), 1);
        assert_eq!(check_manifest("a/Cargo.toml", &good.replace("edition.workspace = true\n", "")).len(), 1);
        let pinned = format!("{good}\n[dependencies]\nserde = {{ version = \"1\" }}\n");
        assert_eq!(check_manifest("a/Cargo.toml", &pinned).len(), 1);
    }
}
