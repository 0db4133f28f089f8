//! Code that a document quotes stands word for word in a file that is compiled, so a snippet cannot rot.
//!
//! A block is marked by the line before it, `<!-- quote: path/of/the/file -->`; a line `…` in it stands for what was left out.

use crate::Violations;

/// Languages of blocks that must be quotes.
const COMPILED: &[&str] = &["kotlin", "java"];

/// Checks the blocks of a document; `read` gives the text of a file of the tree.
#[must_use]
pub fn check<'a>(path: &str, text: &str, read: impl Fn(&str) -> Option<&'a str>) -> Violations {
    let mut violations = Vec::new();
    for block in blocks(text) {
        let place = format!("{path}:{}", block.line);
        match block.source {
            Some(source) => match read(source) {
                Some(file) if holds(file, &block.code) => {}
                Some(_) => violations.push(format!("{place} quotes {source}, where this does not stand")),
                None => violations.push(format!("{place} quotes {source}, which does not exist")),
            },
            None if COMPILED.contains(&block.language) => {
                violations.push(format!("{place} has {} that is no quote of a file", block.language));
            }
            None => {}
        }
    }
    violations
}

/// A fenced block, with its first line's number.
struct Block<'a> {
    line: usize,
    language: &'a str,
    source: Option<&'a str>,
    code: Vec<&'a str>,
}

fn blocks(text: &str) -> Vec<Block<'_>> {
    let mut found = Vec::new();
    let mut open: Option<Block<'_>> = None;
    let mut before = "";
    for (number, line) in text.lines().enumerate() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => {
                let source = before.strip_prefix("<!-- quote: ").and_then(|rest| rest.strip_suffix(" -->"));
                open = Some(Block { line: number + 1, language, source, code: Vec::new() });
            }
            (None, None) => {}
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => block.code.push(line),
        }
        before = line;
    }
    found
}

/// Whether the parts of a quote stand in a file, in their order, at any indentation.
fn holds(file: &str, quote: &[&str]) -> bool {
    let lines: Vec<&str> = file.lines().collect();
    let mut rest = lines.as_slice();
    let parts = quote.split(|line| line.trim() == "…").map(dedented).filter(|part| !part.is_empty());
    for part in parts {
        let at = rest.windows(part.len()).position(|window| dedented(window) == part);
        let Some(after) = at.and_then(|at| rest.get(at + part.len()..)) else { return false };
        rest = after;
    }
    !quote.is_empty()
}

/// The lines without the indentation that all of them have, and without empty ones at the ends.
fn dedented<'a>(lines: &[&'a str]) -> Vec<&'a str> {
    let indented = lines.iter().filter(|line| !line.trim().is_empty());
    let common = indented.map(|line| line.len() - line.trim_start().len()).min().unwrap_or_default();
    let cut = lines.iter().map(|line| line.get(common..).unwrap_or_default().trim_end()).collect::<Vec<_>>();
    let is_text = |line: &&str| !line.is_empty();
    let first = cut.iter().position(is_text).unwrap_or(cut.len());
    let end = cut.iter().rposition(is_text).map_or(first, |last| last + 1);
    cut.get(first..end).unwrap_or_default().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "class A {\n    fun one() {\n        two()\n    }\n\n    fun three() = 3\n}\n";

    fn violations(block: &str) -> Violations {
        check("d.md", block, |path| (path == "A.kt").then_some(FILE))
    }

    #[test]
    fn a_part_of_a_file_is_a_quote_at_any_indentation() {
        assert!(violations("<!-- quote: A.kt -->\n```kotlin\nfun one() {\n    two()\n}\n```\n").is_empty());
        assert!(violations("<!-- quote: A.kt -->\n```kotlin\nfun one() {\n…\nfun three() = 3\n```\n").is_empty());
    }

    #[test]
    fn a_snippet_that_rotted_is_caught() {
        let rotted = violations("x\n<!-- quote: A.kt -->\n```kotlin\nfun one() {\n    tow()\n}\n```\n");
        assert_eq!(rotted, ["d.md:3 quotes A.kt, where this does not stand"]);
        let order = violations("<!-- quote: A.kt -->\n```kotlin\nfun three() = 3\n…\nfun one() {\n```\n");
        assert_eq!(order, ["d.md:2 quotes A.kt, where this does not stand"]);
        let empty = violations("<!-- quote: A.kt -->\n```kotlin\n```\n");
        assert_eq!(empty, ["d.md:2 quotes A.kt, where this does not stand"]);
        let gone = violations("<!-- quote: B.kt -->\n```xml\n<a/>\n```\n");
        assert_eq!(gone, ["d.md:2 quotes B.kt, which does not exist"]);
    }

    #[test]
    fn kotlin_without_a_source_is_caught_and_a_shell_line_is_not() {
        let found = violations("```kotlin\nfun x() = 1\n```\n```sh\nmake run\n```\n");
        assert_eq!(found, ["d.md:1 has kotlin that is no quote of a file"]);
    }
}
