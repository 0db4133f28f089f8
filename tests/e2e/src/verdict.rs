//! Holds screens and statuses against the ledger.

use std::collections::BTreeMap;
use std::fmt;

use longwire_test_support::screen::{self, Line};

use crate::Ledger;

/// Findings that are named; the rest is counted.
const NAMED_MAX: usize = 12;

/// What a check found. Everything in it breaks the promise.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Accepted for a device whose screen never showed it.
    pub lost: Vec<String>,
    /// Shown again after it was done, or twice by one life of the process.
    pub duplicated: Vec<String>,
    /// Shown by a device that it was not for, or never accepted at all.
    pub astray: Vec<String>,
    /// What the API says differs from what happened.
    pub misreported: Vec<String>,
}

impl Verdict {
    /// Whether nothing was found.
    #[must_use]
    pub const fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.duplicated.is_empty() && self.astray.is_empty() && self.misreported.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            ("lost", &self.lost),
            ("duplicated", &self.duplicated),
            ("astray", &self.astray),
            ("misreported", &self.misreported),
        ];
        for (name, list) in kinds {
            writeln!(f, "{name}: {}", list.len())?;
            for finding in list.iter().take(NAMED_MAX) {
                writeln!(f, "    {finding}")?;
            }
        }
        Ok(())
    }
}

/// Reads every screen (by device) and finds what is lost, duplicated or astray.
#[must_use]
pub fn check_screens(ledger: &Ledger, screens: &BTreeMap<String, Vec<Line>>) -> Verdict {
    let mut verdict = Verdict::default();
    let nothing = Vec::new();
    for (device, expected) in ledger.expected() {
        let lines = screens.get(&device).unwrap_or(&nothing);
        let screen::Shown { ids: shown, twice } = screen::shown(lines);
        verdict.duplicated.extend(twice.iter().map(|(id, how)| format!("{id} on {device}, {how}")));
        verdict.lost.extend(expected.difference(&shown).map(|id| format!("{id} on {device}")));
        verdict.astray.extend(shown.difference(&expected).map(|id| format!("{id} on {device}")));
    }
    let unknown = screens.keys().filter(|device| !ledger.devices().contains(*device));
    verdict.astray.extend(unknown.map(|device| format!("a screen of {device}, which nobody knows")));
    verdict
}

/// Holds what the API says of each accepted notification (state by device) against its audience: shown, on every one of them.
#[must_use]
pub fn check_statuses(ledger: &Ledger, told: &BTreeMap<String, BTreeMap<String, String>>) -> Verdict {
    let mut verdict = Verdict::default();
    for accepted in ledger.accepted() {
        let Some(states) = told.get(&accepted.id) else {
            verdict.misreported.push(format!("{} is unknown to the API", accepted.id));
            continue;
        };
        let audience = ledger.audience(&accepted.to);
        for device in &audience {
            match states.get(device).map(String::as_str) {
                Some("delivered" | "displayed" | "opened" | "dismissed") => {}
                Some(other) => verdict.misreported.push(format!("{} on {device} is said to be {other}", accepted.id)),
                None => verdict.misreported.push(format!("{} on {device} is not told of", accepted.id)),
            }
        }
        let others = states.keys().filter(|device| !audience.contains(*device));
        verdict
            .misreported
            .extend(others.map(|device| format!("{} is told of {device}, which it was not for", accepted.id)));
    }
    verdict
}

#[cfg(test)]
mod tests {
    use longwire_test_support::screen::What;

    use super::*;
    use crate::Accepted;

    fn ledger() -> Ledger {
        let mut ledger = Ledger::default();
        ledger.add_device("a");
        ledger.add_device("b");
        ledger.accept(Accepted { id: "1".into(), to: "all".into() });
        ledger.accept(Accepted { id: "2".into(), to: "device:a".into() });
        ledger
    }

    fn line(what: What, id: &str, process: &str) -> Line {
        Line { id: id.into(), what, process: process.into(), time: String::new() }
    }

    fn shown(id: &str) -> [Line; 2] {
        [line(What::Handed, id, "p"), line(What::Done, id, "p")]
    }

    fn screens() -> BTreeMap<String, Vec<Line>> {
        BTreeMap::from([("a".to_owned(), [shown("1"), shown("2")].concat()), ("b".to_owned(), shown("1").to_vec())])
    }

    fn planted(change: impl FnOnce(&mut BTreeMap<String, Vec<Line>>)) -> Verdict {
        let mut screens = screens();
        change(&mut screens);
        check_screens(&ledger(), &screens)
    }

    #[test]
    fn what_happened_as_promised_is_clean() {
        assert!(planted(|_| {}).is_clean());
    }

    #[test]
    fn a_planted_loss_is_caught() {
        let verdict = planted(|screens| {
            screens.insert("a".into(), shown("1").to_vec());
        });
        assert_eq!(verdict.lost, ["2 on a"]);
        let verdict = planted(|screens| {
            screens.remove("b");
        });
        assert_eq!(verdict.lost, ["1 on b"]);
        assert!(!verdict.is_clean());
    }

    #[test]
    fn a_planted_duplicate_is_caught() {
        let twice_in_one_life = planted(|screens| {
            screens.insert("b".into(), vec![line(What::Handed, "1", "p"), line(What::Handed, "1", "p")]);
        });
        assert_eq!(twice_in_one_life.duplicated, ["1 on b, twice in one life"]);
        let after_done = planted(|screens| {
            let lines = [&shown("1")[..], &[line(What::Handed, "1", "q")]].concat();
            screens.insert("b".into(), lines);
        });
        assert_eq!(after_done.duplicated, ["1 on b, after it was done"]);
    }

    #[test]
    fn handing_over_again_in_a_new_life_before_it_was_done_is_no_duplicate() {
        let verdict = planted(|screens| {
            let lines =
                [&[line(What::Handed, "1", "p")][..], &[line(What::Handed, "1", "q")], &shown("1")[1..]].concat();
            screens.insert("b".into(), lines);
        });
        assert!(verdict.is_clean(), "{verdict}");
    }

    #[test]
    fn a_wrong_device_and_an_unknown_notification_are_caught() {
        let wrong_device = planted(|screens| {
            screens.insert("b".into(), [shown("1"), shown("2")].concat());
        });
        assert_eq!(wrong_device.astray, ["2 on b"]);
        let never_accepted = planted(|screens| {
            screens.insert("b".into(), [shown("1"), shown("9")].concat());
        });
        assert_eq!(never_accepted.astray, ["9 on b"]);
        let unknown_screen = planted(|screens| {
            screens.insert("z".into(), Vec::new());
        });
        assert_eq!(unknown_screen.astray.len(), 1);
    }

    fn statuses() -> BTreeMap<String, BTreeMap<String, String>> {
        let state = |device: &str| (device.to_owned(), "delivered".to_owned());
        BTreeMap::from([
            ("1".to_owned(), BTreeMap::from([state("a"), state("b")])),
            ("2".to_owned(), BTreeMap::from([state("a")])),
        ])
    }

    #[test]
    fn statuses_that_agree_are_clean() {
        assert!(check_statuses(&ledger(), &statuses()).is_clean());
    }

    #[test]
    fn a_planted_misreport_is_caught() {
        for (id, device, state) in [("1", "b", Some("sent")), ("1", "b", None), ("2", "b", Some("delivered"))] {
            let mut told = statuses();
            let states = told.get_mut(id).expect("the sample has it");
            match state {
                Some(state) => states.insert(device.into(), state.into()),
                None => states.remove(device),
            };
            assert_eq!(check_statuses(&ledger(), &told).misreported.len(), 1, "{id} {device} {state:?}");
        }
        let mut told = statuses();
        told.remove("2");
        assert_eq!(check_statuses(&ledger(), &told).misreported, ["2 is unknown to the API"]);
    }
}
