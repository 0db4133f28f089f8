//! The ids, and the rule that each is tested here, held elsewhere, or named as something that comes later.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use toml::{Table, Value};

use crate::source;

/// What is wrong, one line each.
pub type Violations = Vec<String>;

/// The three lists beside this crate's tests.
#[derive(Debug, Default)]
pub struct Catalogue {
    /// Every id with what is sent.
    pub cases: BTreeMap<String, String>,
    /// Ids with the tests that hold them elsewhere: `FILE: NAME`.
    pub held: BTreeMap<String, Vec<String>>,
    /// Ids of what does not exist yet, with the reason.
    pub later: BTreeMap<String, String>,
}

impl Catalogue {
    /// The lists of the tree.
    ///
    /// # Errors
    /// A list cannot be read.
    pub fn read() -> anyhow::Result<Self> {
        let file = |name: &str| {
            let path = source::root().join("tests/hostile").join(name);
            std::fs::read_to_string(&path).with_context(|| format!("failed to read {name}"))
        };
        Self::parse(&file("catalogue.toml")?, &file("held.toml")?, &file("later.toml")?)
    }

    /// The lists in these texts.
    ///
    /// # Errors
    /// A text is no list.
    pub fn parse(cases: &str, held: &str, later: &str) -> anyhow::Result<Self> {
        let texts = |text: &str| -> anyhow::Result<BTreeMap<String, String>> {
            let table: Table = text.parse().context("not a list")?;
            let one = |(id, value): (String, Value)| {
                let text = value.as_str().with_context(|| format!("{id} has no text"))?.to_owned();
                anyhow::Ok((id, text))
            };
            table.into_iter().map(one).collect()
        };
        let table: Table = held.parse().context("not a list")?;
        let names = |(id, value): (String, Value)| {
            let list = value.as_array().with_context(|| format!("{id} is no list of tests"))?;
            let list = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
            anyhow::Ok((id, list))
        };
        Ok(Self {
            cases: texts(cases)?,
            held: table.into_iter().map(names).collect::<anyhow::Result<_>>()?,
            later: texts(later)?,
        })
    }

    /// Holds the lists against the tests of this crate, by name.
    #[must_use]
    pub fn check(&self, own: &BTreeSet<String>) -> Violations {
        let mut violations = Vec::new();
        let tested: BTreeSet<String> = own.iter().filter_map(|name| id_of(name)).collect();
        for id in self.cases.keys() {
            let is_held = tested.contains(id) || self.held.contains_key(id);
            match (is_held, self.later.contains_key(id)) {
                (false, false) => violations.push(format!("{id} is neither tested, nor held elsewhere, nor for later")),
                (true, true) => violations.push(format!("{id} is tested: it is not for later any more")),
                (true, false) | (false, true) => {}
            }
        }
        let named = self.held.keys().chain(self.later.keys()).chain(&tested);
        let unknown: BTreeSet<&String> = named.filter(|id| !self.cases.contains_key(*id)).collect();
        violations.extend(unknown.into_iter().map(|id| format!("{id} is not in the catalogue")));
        let reasons = self.cases.iter().chain(&self.later).filter(|(_, text)| text.trim().is_empty());
        violations.extend(reasons.map(|(id, _)| format!("{id} has no text")));
        violations
    }

    /// Holds what is said to be held elsewhere against the tests that are there.
    #[must_use]
    pub fn check_held(&self, tests_of: impl Fn(&str) -> anyhow::Result<BTreeSet<String>>) -> Violations {
        let mut violations = Vec::new();
        for (id, tests) in &self.held {
            if tests.is_empty() {
                violations.push(format!("{id} names no test"));
            }
            for test in tests {
                let Some((file, name)) = test.split_once(": ") else {
                    violations.push(format!("{id}: {test:?} is not `FILE: NAME`"));
                    continue;
                };
                match tests_of(file) {
                    Ok(names) if names.contains(name) => {}
                    Ok(_) => violations.push(format!("{id}: {file} has no test {name}")),
                    Err(error) => violations.push(format!("{id}: {error:#}")),
                }
            }
        }
        violations
    }
}

/// The id that a test's name begins with: `xml_34_…` is XML-34.
#[must_use]
pub fn id_of(test: &str) -> Option<String> {
    let (family, rest) = test.split_once('_')?;
    let number = rest.split('_').next()?;
    let is_id = family.chars().all(|c| c.is_ascii_alphanumeric())
        && number.len() == 2
        && number.chars().all(|c| c.is_ascii_digit());
    is_id.then(|| format!("{}-{number}", family.to_ascii_uppercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(list: &[&str]) -> BTreeSet<String> {
        list.iter().map(|&name| name.to_owned()).collect()
    }

    fn catalogue() -> Catalogue {
        let cases = "XML-01 = \"a\"\nXML-02 = \"b\"\nSM-04 = \"c\"";
        Catalogue::parse(cases, "XML-02 = [\"a.rs: one\"]", "SM-04 = \"not there\"").expect("three lists")
    }

    #[test]
    fn what_is_whole_passes() {
        assert_eq!(catalogue().check(&names(&["xml_01_is_refused", "a_helper"])), Violations::new());
        assert_eq!(catalogue().check_held(|_| Ok(names(&["one"]))), Violations::new());
    }

    #[test]
    fn each_gap_is_caught() {
        let catalogue = catalogue();
        assert_eq!(catalogue.check(&names(&[])), ["XML-01 is neither tested, nor held elsewhere, nor for later"]);
        assert_eq!(catalogue.check(&names(&["xml_01_a", "tls_07_b"])), ["TLS-07 is not in the catalogue"]);
        assert_eq!(
            catalogue.check(&names(&["xml_01_a", "sm_04_b"])),
            ["SM-04 is tested: it is not for later any more"]
        );
        assert_eq!(catalogue.check_held(|_| Ok(names(&["two"]))), ["XML-02: a.rs has no test one"]);
        let wrong = Catalogue::parse("XML-01 = \"a\"", "XML-01 = [\"one\"]", "").expect("three lists");
        assert_eq!(wrong.check_held(|_| Ok(names(&[]))), ["XML-01: \"one\" is not `FILE: NAME`"]);
    }

    #[test]
    fn a_name_without_an_id_has_none() {
        assert_eq!(id_of("s2s_01_x"), Some("S2S-01".to_owned()));
        for name in ["a_case", "xml_3_x", "xml_345_x", "xml"] {
            assert_eq!(id_of(name), None, "{name}");
        }
    }
}
