//! Licences of the dependencies against the list in `deny.toml`.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;

use crate::Violations;

/// The lists of `deny.toml`.
#[derive(Debug, Default)]
pub struct Allowed {
    /// Allowed for everybody.
    pub everywhere: BTreeSet<String>,
    /// Allowed for one crate more.
    pub exceptions: BTreeMap<String, BTreeSet<String>>,
}

impl Allowed {
    /// Reads the `[licenses]` table of `deny.toml`.
    ///
    /// # Errors
    /// The text is not TOML, or the table has another shape.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let file: toml::Table = text.parse().context("deny.toml is not TOML")?;
        let table = file.get("licenses").and_then(toml::Value::as_table).context("deny.toml has no [licenses]")?;
        let mut allowed = Self { everywhere: strings(table.get("allow"))?, exceptions: BTreeMap::new() };
        let exceptions = table.get("exceptions").and_then(toml::Value::as_array);
        for exception in exceptions.into_iter().flatten() {
            let krate = exception.get("crate").and_then(toml::Value::as_str).context("an exception names no crate")?;
            allowed.exceptions.insert(krate.to_owned(), strings(exception.get("allow"))?);
        }
        Ok(allowed)
    }

    fn permits(&self, krate: &str, licence: &str) -> bool {
        let exception = self.exceptions.get(krate).is_some_and(|list| list.contains(licence));
        exception || self.everywhere.contains(licence)
    }
}

fn strings(value: Option<&toml::Value>) -> anyhow::Result<BTreeSet<String>> {
    let list = value.and_then(toml::Value::as_array).context("deny.toml: a list of licences is missing")?;
    list.iter().map(|item| item.as_str().map(str::to_owned).context("a licence is not a string")).collect()
}

/// Holds one crate's SPDX expression against the lists. The old `A/B` means `A OR B`.
#[must_use]
pub fn check(allowed: &Allowed, krate: &str, expression: Option<&str>) -> Violations {
    let Some(expression) = expression else { return vec![format!("{krate} names no licence")] };
    let spaced = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut reader = Reader { words: &words, allowed, krate };
    let verdict = reader.any();
    if verdict && reader.words.is_empty() {
        return Vec::new();
    }
    vec![format!("{krate} is licensed under `{expression}`, which deny.toml does not allow")]
}

/// `any := all (OR all)*`, `all := one (AND one)*`, `one := ( any ) | id [WITH id]`.
struct Reader<'a> {
    words: &'a [&'a str],
    allowed: &'a Allowed,
    krate: &'a str,
}

impl<'a> Reader<'a> {
    fn next(&mut self) -> Option<&'a str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }

    fn accept(&mut self, word: &str) -> bool {
        let found = self.words.first() == Some(&word);
        if found {
            self.next();
        }
        found
    }

    fn any(&mut self) -> bool {
        let mut verdict = self.all();
        while self.accept("OR") {
            verdict |= self.all();
        }
        verdict
    }

    fn all(&mut self) -> bool {
        let mut verdict = self.one();
        while self.accept("AND") {
            verdict &= self.one();
        }
        verdict
    }

    fn one(&mut self) -> bool {
        if self.accept("(") {
            let verdict = self.any();
            return self.accept(")") && verdict;
        }
        let Some(licence) = self.next() else { return false };
        if self.accept("WITH") {
            let exception = self.next().unwrap_or("");
            return self.allowed.permits(self.krate, &format!("{licence} WITH {exception}"));
        }
        self.allowed.permits(self.krate, licence)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed() -> Allowed {
        let text = "[licenses]\nallow = ['MIT', 'Apache-2.0', 'Apache-2.0 WITH LLVM-exception', 'Unicode-3.0']\n\
                    exceptions = [{ crate = 'jid', allow = ['MPL-2.0'] }]";
        Allowed::parse(text).expect("the sample is well-formed")
    }

    #[test]
    fn permissive_expressions_pass() {
        for expression in [
            "MIT",
            "MIT/Apache-2.0",
            "GPL-3.0 OR MIT",
            "(MIT OR GPL-2.0) AND Unicode-3.0",
            "Apache-2.0 WITH LLVM-exception",
        ] {
            assert_eq!(check(&allowed(), "some", Some(expression)), Vec::<String>::new(), "{expression}");
        }
    }

    #[test]
    fn what_is_not_listed_is_caught() {
        for expression in ["GPL-3.0", "MIT AND GPL-3.0", "MPL-2.0", "MIT WITH something", "(MIT", "", "MIT MIT"] {
            assert_eq!(check(&allowed(), "some", Some(expression)).len(), 1, "{expression}");
        }
        assert_eq!(check(&allowed(), "some", None).len(), 1);
    }

    #[test]
    fn an_exception_holds_for_its_crate_alone() {
        assert_eq!(check(&allowed(), "jid", Some("MPL-2.0")), Vec::<String>::new());
        assert_eq!(check(&allowed(), "other", Some("MPL-2.0")).len(), 1);
    }
}
