//! Nothing of the catalogue is forgotten.

use std::path::Path;

use longwire_hostile::{Catalogue, Violations, source};

fn assert_none(violations: &Violations) {
    assert!(violations.is_empty(), "\n  {}\n", violations.join("\n  "));
}

#[test]
fn every_id_is_tested_held_elsewhere_or_named_for_later() -> anyhow::Result<()> {
    let catalogue = Catalogue::read()?;
    assert!(catalogue.cases.len() > 80, "the catalogue was not read");
    let own = source::tests_below(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests"))?;
    assert!(own.len() > 30, "the tests of this crate were not read");
    assert_none(&catalogue.check(&own));
    Ok(())
}

#[test]
fn what_is_held_elsewhere_is_there() -> anyhow::Result<()> {
    let catalogue = Catalogue::read()?;
    assert!(!catalogue.held.is_empty(), "the list was not read");
    assert_none(&catalogue.check_held(source::tests_of));
    Ok(())
}
