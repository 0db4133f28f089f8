//! Tests in Rust files, found by reading them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::Context;

/// How many lines above a function its attributes and their comments take at most.
const ATTRIBUTES_MAX: usize = 8;

/// The root of the tree.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The names of the tests in a Rust source.
#[must_use]
pub fn tests_in(source: &str) -> BTreeSet<String> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let mut names = BTreeSet::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(name) = function(line) else { continue };
        let above = lines.get(..number).unwrap_or_default().iter().rev().take(ATTRIBUTES_MAX);
        let mut own = above.take_while(|line| line.starts_with('#') || line.starts_with("//"));
        if own.any(|line| line.starts_with("#[test]") || line.starts_with("#[tokio::test")) {
            names.insert(name.to_owned());
        }
    }
    names
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("async ").unwrap_or(line).strip_prefix("fn ")?;
    rest.split_once('(').map(|(name, _)| name)
}

/// The body of a function of a formatted source, from its head to the brace that ends it; none when it is not there.
#[must_use]
pub fn function_in<'a>(source: &'a str, name: &str) -> Option<&'a str> {
    let at = source.find(&format!("fn {name}("))?;
    let begin = source.get(..at)?.rfind('\n').map_or(0, |line| line + 1);
    let rest = source.get(begin..)?;
    let indent: String = rest.chars().take_while(|c| *c == ' ').collect();
    let end = rest.find(&format!("\n{indent}}}\n"))?;
    rest.get(..end)
}

/// The body of a function in a file of the tree.
///
/// # Errors
/// The file cannot be read, or has no such function.
pub fn function_of(path: &str, name: &str) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(root().join(path)).with_context(|| format!("failed to read {path}"))?;
    let body = function_in(&text, name).with_context(|| format!("{path} has no function {name}"))?;
    Ok(body.to_owned())
}

/// The lines of a source in which something is compared, without comments.
#[must_use]
pub fn comparisons(source: &str) -> Vec<&str> {
    const OPERATORS: [&str; 6] = [" == ", " != ", ".eq(", ".ne(", ".ct_eq(", ".cmp("];
    let lines = source.lines().map(|line| line.split("//").next().unwrap_or_default().trim());
    lines.filter(|line| OPERATORS.iter().any(|operator| line.contains(operator))).collect()
}

/// The names of the tests in a file of the tree.
///
/// # Errors
/// It cannot be read.
pub fn tests_of(path: &str) -> anyhow::Result<BTreeSet<String>> {
    let text = std::fs::read_to_string(root().join(path)).with_context(|| format!("failed to read {path}"))?;
    Ok(tests_in(&text))
}

/// The names of the tests in all files of a folder of the tree, with those below it.
///
/// # Errors
/// It cannot be read.
pub fn tests_below(folder: &Path) -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for item in std::fs::read_dir(folder).with_context(|| format!("failed to read {}", folder.display()))? {
        let path = item?.path();
        if path.is_dir() {
            names.extend(tests_below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            names.extend(tests_in(&std::fs::read_to_string(&path)?));
        }
    }
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_cut_out_and_its_comparisons_are_found() {
        let source = "impl A {\n    fn one(&self) -> bool {\n        if a {\n        }\n        self.a == b // c == d\n    }\n\n    \
                      fn two() {\n        a.ct_eq(b)\n    }\n}\n// e != f\n";
        let one = function_in(source, "one").expect("it is there");
        assert!(one.contains("self.a == b") && !one.contains("ct_eq"), "{one}");
        assert_eq!(function_in(source, "three"), None);
        assert_eq!(comparisons(source), ["self.a == b", "a.ct_eq(b)"]);
    }

    #[test]
    fn tests_are_told_from_other_functions() {
        let source = "#[test]\nfn one() {}\nfn two() {}\n#[tokio::test(start_paused = true)]\nasync fn three() {}\n\
                      #[test]\n#[expect(x)]\n// Why.\nfn four() {}\n// #[test] was here\nfn five() {}\n";
        let names: Vec<String> = tests_in(source).into_iter().collect();
        assert_eq!(names, ["four", "one", "three"]);
    }
}
