//! The rules of the house, held against the tree.

use std::collections::BTreeSet;

use longwire_tidy::{Violations, dialect, docs, edges, licences, purity, quotes, text, tree, unsafety};

fn assert_none(violations: &Violations) {
    assert!(violations.is_empty(), "\n  {}\n", violations.join("\n  "));
}

fn rust_files() -> Vec<(String, String)> {
    let files = tree::files().expect("the tree can be read");
    files.into_iter().filter(|(path, _)| path.ends_with(".rs")).collect()
}

#[test]
fn dependencies_point_one_way() {
    let metadata = tree::metadata().expect("cargo describes the workspace");
    assert!(metadata.tests.contains("longwire-tidy"), "the crates under tests/ were not found");
    assert_none(&edges::check(&metadata.edges, &metadata.tests));
    // Not even for their own tests: a crate of the product is tested without the harness of the whole.
    for (krate, dependencies) in metadata.all_edges.iter().filter(|(krate, _)| !metadata.tests.contains(*krate)) {
        let on_tests = dependencies.intersection(&metadata.tests);
        assert_none(&on_tests.map(|name| format!("{krate} depends on {name}, which is for tests/ alone")).collect());
    }
    let missing = edges::ALLOWED.iter().filter(|(name, _)| !metadata.edges.contains_key(*name));
    assert_none(&missing.map(|(name, _)| format!("{name} is in the table and not in the workspace")).collect());
}

#[test]
fn pure_crates_have_no_runtime_socket_clock_or_chance_below_them() {
    for krate in edges::PURE {
        let below = tree::below(krate).expect("cargo shows the tree of a crate");
        assert!(!below.is_empty(), "{krate} has nothing below it: was the tree read?");
        assert_none(&edges::check_purity(krate, &below));
    }
}

#[test]
fn tls_is_rustls_with_ring_alone() {
    let metadata = tree::metadata().expect("cargo describes the workspace");
    let packages: BTreeSet<String> = metadata.licences.keys().cloned().collect();
    assert!(packages.contains("ring"), "the packages were not read");
    assert_none(&edges::check_banned(&packages));
}

#[test]
fn every_dependency_has_a_permitted_licence() {
    let files = tree::files().expect("the tree can be read");
    let list = files.get("deny.toml").expect("deny.toml is in the tree");
    let allowed = licences::Allowed::parse(list).expect("deny.toml has the lists");
    let metadata = tree::metadata().expect("cargo describes the workspace");
    assert!(metadata.licences.len() > 50, "the packages were not read");
    let found = metadata.licences.iter();
    assert_none(&found.flat_map(|(krate, licence)| licences::check(&allowed, krate, licence.as_deref())).collect());
}

#[test]
fn source_is_free_of_what_its_crate_must_not_know() {
    let files = rust_files();
    assert!(files.len() > 20, "the sources were not read");
    assert_none(&files.iter().flat_map(|(path, source)| purity::check(path, source)).collect());
}

#[test]
fn sql_of_phones_is_known_to_sqlite_3_9() {
    let files = tree::files().expect("the tree can be read");
    for (folder, end) in dialect::FOLDERS {
        let own = files.iter().filter(|(path, _)| path.starts_with(folder) && path.ends_with(end));
        let statements = own.flat_map(|(path, source)| dialect::statements(path, source)).count();
        assert!(statements > 2, "the SQL below {folder} was not read");
    }
    assert_none(&files.iter().flat_map(|(path, source)| dialect::check(path, source)).collect());
}

#[test]
fn rust_files_keep_the_house_style() {
    assert_none(&rust_files().iter().flat_map(|(path, source)| text::check_rust(path, source)).collect());
}

#[test]
fn sup_01_unsafe_code_is_where_the_inventory_says_and_forbidden_elsewhere() {
    let files = rust_files();
    assert_none(&files.iter().flat_map(|(path, source)| unsafety::check(path, source)).collect());
    let security =
        tree::files().expect("the tree can be read").remove("SECURITY.md").expect("SECURITY.md is in the tree");
    let mut violations = Vec::new();
    for path in
        unsafety::INVENTORY.iter().map(|file| file.path).chain(unsafety::NOT_FORBIDDEN.iter().map(|(path, _)| *path))
    {
        if !files.iter().any(|(own, _)| own == path) {
            violations.push(format!("{path} is in the inventory and not in the tree"));
        }
        if !security.contains(&format!("`{path}`")) {
            violations.push(format!("{path} is in the inventory and not in SECURITY.md"));
        }
    }
    assert_none(&violations);
}

#[test]
fn sup_01_deny_toml_bans_what_is_banned_here() {
    let files = tree::files().expect("the tree can be read");
    let list: toml::Table = files.get("deny.toml").expect("deny.toml is in the tree").parse().expect("it is TOML");
    let banned: BTreeSet<&str> =
        list["bans"]["deny"].as_array().expect("a list").iter().filter_map(|each| each["crate"].as_str()).collect();
    assert_eq!(banned, edges::FORBIDDEN_ANYWHERE.iter().copied().collect());
    let sources = list["sources"].as_table().expect("a table");
    for kind in ["unknown-registry", "unknown-git"] {
        assert_eq!(sources[kind].as_str(), Some("deny"), "{kind}");
    }
}

/// Both lock files are what their manifests ask for, and the programs of the fuzzer are built of the versions that are released.
#[test]
fn sup_01_lock_files_are_up_to_date() {
    const FUZZER: &str = "tests/fuzz/libfuzzer/";
    let files = tree::files().expect("the tree can be read");
    let lock = |folder: &str| files.get(&format!("{folder}Cargo.lock")).expect("a lock file is in the tree");
    assert_none(&text::check_lock(lock(FUZZER)));
    tree::check_locked(&format!("{FUZZER}Cargo.toml")).expect("cargo takes the fuzzer's lock file as it is");
    tree::check_locked("Cargo.toml").expect("cargo takes the lock file as it is");
    let (ours, fuzzers) = (tree::versions(lock("")), tree::versions(lock(FUZZER)));
    assert!(ours.len() > 100 && fuzzers.len() > 100, "the lock files were not read");
    let names: BTreeSet<&str> = ours.iter().map(|(name, _)| name.as_str()).collect();
    let others = fuzzers
        .iter()
        .filter(|(name, version)| names.contains(name.as_str()) && !ours.contains(&(name.clone(), version.clone())));
    assert_none(&others.map(|(name, version)| format!("{FUZZER}Cargo.lock has {name} {version}, which is not in Cargo.lock: copy that, and let cargo complete it")).collect());
}

#[test]
fn sup_01_the_bill_of_materials_lists_what_is_linked() {
    let made = tree::bill_of_materials("longwire").expect("scripts/sbom makes it");
    let listed: BTreeSet<&str> =
        made["components"].as_array().expect("a list").iter().filter_map(|each| each["name"].as_str()).collect();
    let below = tree::below("longwire").expect("cargo shows the tree of a crate");
    assert!(below.len() > 100, "the tree was not read");
    assert_none(
        &below
            .iter()
            .filter(|name| !listed.contains(name.as_str()))
            .map(|name| format!("{name} is linked and not listed"))
            .collect(),
    );
    for component in made["components"].as_array().expect("a list") {
        assert!(component["licenses"][0]["expression"].is_string(), "no licence: {component}");
        let is_ours = component["name"].as_str().is_some_and(|name| name.starts_with("longwire"));
        assert_eq!(component["hashes"].is_array(), !is_ours, "a checksum of each package of others: {component}");
    }
}

#[test]
fn no_file_names_a_place_of_one_machine() {
    let files = tree::files().expect("the tree can be read");
    assert_none(&files.iter().flat_map(|(path, source)| text::check_places(path, source)).collect());
}

#[test]
fn every_package_comes_from_crates_io() {
    let files = tree::files().expect("the tree can be read");
    let lock = files.get("Cargo.lock").expect("Cargo.lock is in the tree");
    assert!(lock.contains("name = \"ring\""), "the lock file was not read");
    assert_none(&text::check_lock(lock));
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    let metadata = tree::metadata().expect("cargo describes the workspace");
    let mut violations = Vec::new();
    for (krate, path) in &metadata.manifests {
        let manifest = std::fs::read_to_string(path).expect("a member's manifest can be read");
        violations.extend(text::check_manifest(krate, &manifest));
    }
    assert!(!metadata.manifests.is_empty(), "the members were not read");
    assert_none(&violations);
}

#[test]
fn documents_name_what_exists() {
    let files = tree::files().expect("the tree can be read");
    let makefile = files.get("Makefile").expect("the Makefile is in the tree");
    let exists = |path: &str| tree::root().join(path).exists();
    let mut violations = Vec::new();
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md"] {
        let text = files.get(name).unwrap_or_else(|| panic!("{name} is not in the tree"));
        violations.extend(docs::check_links(name, text, exists));
        violations.extend(docs::check_targets(name, text, makefile));
    }
    let ci = files.get(".ci/run").expect(".ci/run is in the tree");
    assert!(ci.contains("make test"), ".ci/run does not run what the README names");
    assert_none(&violations);
}

#[test]
fn snippets_of_documents_stand_in_files_that_are_compiled() {
    let files = tree::files().expect("the tree can be read");
    for name in ["docs/android.md", "docs/androidpn.md"] {
        let text = files.get(name).unwrap_or_else(|| panic!("{name} is not in the tree"));
        assert!(text.contains("<!-- quote: "), "{name} quotes nothing");
        assert_none(&quotes::check(name, text, |path| files.get(path).map(String::as_str)));
    }
}
