//! The list of what may be skipped, held against what is written.

use longwire_fault::Need;
use longwire_fault::skips::{List, written};

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
