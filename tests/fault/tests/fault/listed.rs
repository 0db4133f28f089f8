//! The list of what may be skipped, held against what is written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::Context;
use longwire_fault::Need;
use longwire_fault::skips::{List, said, written};

/// The fault matrix goes from F01 to F30.
#[test]
fn every_case_of_the_matrix_is_written_or_listed_with_its_reason() -> anyhow::Result<()> {
    let (list, written) = (List::read()?, written()?);
    let pointers: Vec<&str> = list.later.iter().chain(&list.elsewhere).map(|pointer| pointer.id.as_str()).collect();
    for number in 1..=30 {
        let id = format!("F{number:02}");
        let listed = pointers.iter().filter(|listed| **listed == id).count();
        assert!(written.contains_key(&id) || listed == 1, "{id} is neither written nor listed");
        assert!(!(written.contains_key(&id) && listed > 0), "{id} is written and listed as absent");
    }
    Ok(())
}

#[test]
fn what_may_be_skipped_is_written_and_its_need_is_known() -> anyhow::Result<()> {
    const NEEDS: &[Need] = &[
        Need::Tracing,
        Need::Mounts,
        Need::LoopDevice,
        Need::Namespaces,
        Need::Conntrack,
        Need::SocketKill,
        Need::TimeNamespace,
        Need::Faketime,
        Need::MemoryCgroup,
        Need::OlderRelease,
        Need::Backup,
    ];
    let (list, written) = (List::read()?, written()?);
    for skip in &list.skip {
        assert!(NEEDS.iter().any(|need| need.name() == skip.need), "{} is no need", skip.need);
        for case in &skip.cases {
            assert!(written.contains_key(case), "{case} may be skipped and is not written");
        }
    }
    assert!(!list.may_skip("F99", Need::Tracing), "what is not listed may not be skipped");
    Ok(())
}

/// The names of all cases in the sources of the tests.
fn names() -> anyhow::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for target in ["fault", "faults", "soak"] {
        for file in fs::read_dir(format!("{}/tests/{target}", env!("CARGO_MANIFEST_DIR")))? {
            let text = fs::read_to_string(file?.path())?;
            let functions = text.lines().filter_map(|line| line.strip_prefix("fn ")?.split('(').next());
            let is_case = |name: &&str| {
                let mut bytes = name.bytes();
                bytes.next() == Some(b'f')
                    && bytes.by_ref().take(2).all(|byte| byte.is_ascii_digit())
                    && bytes.next() == Some(b'_')
            };
            names.extend(functions.filter(is_case).map(str::to_owned));
        }
    }
    Ok(names)
}

/// The table of `make faults` would have a hole.
#[test]
fn what_must_hold_is_said_of_every_case() -> anyhow::Result<()> {
    let text = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/holds.toml"))?;
    let said: BTreeMap<String, String> = toml::from_str(&text).context("failed to read tests/fault/holds.toml")?;
    let said: BTreeSet<String> = said.into_keys().collect();
    let written = names()?;
    let unsaid: Vec<&String> = written.difference(&said).collect();
    assert!(unsaid.is_empty(), "tests/fault/holds.toml does not say what must hold after {unsaid:?}");
    let unwritten: Vec<&String> = said.difference(&written).collect();
    assert!(unwritten.is_empty(), "tests/fault/holds.toml has what nobody tests: {unwritten:?}");
    assert!(written.len() > 30, "{written:?}");
    Ok(())
}

/// A test of another crate that skips itself has to be listed, and what is listed has to be there.
#[test]
fn what_skips_itself_outside_is_listed() -> anyhow::Result<()> {
    let listed: BTreeSet<String> = List::read()?.outside.into_iter().map(|outside| outside.test).collect();
    assert_eq!(said()?, listed, "what says that it is skipped, and what skips.toml lists as `outside`");
    Ok(())
}
