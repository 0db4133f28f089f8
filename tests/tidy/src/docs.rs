//! What the documents name must exist: files that they link to, targets of `make`.

use crate::Violations;

/// Checks the links of a document in the tree's root to other files.
#[must_use]
pub fn check_links(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Violations {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let inside = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    let missing = inside.filter(|target| !exists(target));
    missing.map(|target| format!("{path} links to {target}, which does not exist")).collect()
}

/// Checks that each `make X` of a document is a target of the Makefile.
#[must_use]
pub fn check_targets(path: &str, text: &str, makefile: &str) -> Violations {
    let has_target = |name: &str| makefile.lines().any(|line| targets_of(line).any(|target| target == name));
    let mut violations = Vec::new();
    for (at, _) in text.match_indices("make ") {
        let before = text.get(..at).and_then(|text| text.chars().next_back());
        // Only as a command: in a code block or between backquotes, possibly after variables.
        let line = text.get(..at).and_then(|text| text.rsplit('\n').next()).unwrap_or_default();
        let is_command = before.is_none_or(|c| c == '`' || c == '\n') || line.ends_with("0 ") || line.ends_with("… ");
        let name: String = text
            .get(at + 5..)
            .unwrap_or_default()
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
            .collect();
        if is_command && !has_target(&name) {
            violations.push(format!("{path} names `make {name}`, which is no target"));
        }
    }
    violations
}

fn targets_of(line: &str) -> impl Iterator<Item = &str> {
    let names = if line.starts_with(['\t', '#', '.']) { None } else { line.split_once(':') };
    names.map(|(names, _)| names).unwrap_or_default().split_whitespace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_link_is_caught() {
        let text = "[a](A.md) [b](B.md) [c](https://example.com/C.md)";
        assert_eq!(check_links("R.md", text, |path| path == "A.md"), ["R.md links to B.md, which does not exist"]);
    }

    #[test]
    fn a_target_that_does_not_exist_is_caught() {
        let makefile = ".PHONY: ghost\nrun: setup\n\t@x ghost: y\nlint unit:\n";
        let text = "`make run` and\nmake lint\n`make ghost` to make sure; PORT=0 make unit; SEED=… make nothing";
        let found = check_targets("R.md", text, makefile);
        assert_eq!(
            found,
            ["R.md names `make ghost`, which is no target", "R.md names `make nothing`, which is no target"]
        );
    }
}
