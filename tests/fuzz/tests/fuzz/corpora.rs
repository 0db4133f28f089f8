//! Each file of a corpus once more: what a fuzzer has found stays found. Needs no fuzzer.

use std::path::{Path, PathBuf};

use longwire_fuzz::TARGETS;

/// Bytes of the longest file: what is slow to read is slow to fuzz.
const BYTES_MAX: u64 = 64 * 1024;
/// Files of a corpus at least: fewer say too little of the grammar.
const FILES_MIN: usize = 4;

fn corpus(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

fn files(name: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(corpus(name)).expect("each target has a corpus");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort();
    files
}

#[test]
fn sup_01_every_corpus_is_replayed() {
    for target in TARGETS {
        let files = files(target.name);
        assert!(files.len() >= FILES_MIN, "{} has {} files", target.name, files.len());
        for path in &files {
            let bytes = std::fs::read(path).expect("a file of a corpus");
            assert!(u64::try_from(bytes.len()).is_ok_and(|bytes| bytes <= BYTES_MAX), "{} is too long", path.display());
            let play = || (target.run)(&bytes);
            let outcome = std::panic::catch_unwind(play);
            assert!(outcome.is_ok(), "{} found something in {}", target.name, path.display());
        }
        println!("{}: {} files", target.name, files.len());
    }
}

/// What a fuzzer would do in its first second, without one: each file cut short, and with each of its bytes changed by chance.
#[test]
fn each_file_is_played_cut_short_and_changed() {
    for target in TARGETS.iter().filter(|target| target.name != "device") {
        for path in files(target.name) {
            let bytes = std::fs::read(&path).expect("a file of a corpus");
            let step = bytes.len() / 24 + 1;
            for at in (0..bytes.len()).step_by(step) {
                let mut changed = bytes.clone();
                if let Some(byte) = changed.get_mut(at) {
                    *byte ^= 1 << (at % 8);
                }
                (target.run)(&changed);
                (target.run)(bytes.get(..at).unwrap_or_default());
            }
        }
    }
}

#[test]
fn every_target_has_a_program_and_a_corpus_and_no_other_has() {
    let names = |folder: &Path, end: &str| -> Vec<String> {
        let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").file_name());
        let mut names: Vec<String> =
            entries.filter_map(|name| name.to_str()?.strip_suffix(end).map(str::to_owned)).collect();
        names.sort();
        names
    };
    let mut targets: Vec<String> = TARGETS.iter().map(|target| target.name.to_owned()).collect();
    targets.sort();
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    assert_eq!(names(&here.join("corpus"), ""), targets);
    assert_eq!(names(&here.join("libfuzzer/fuzz_targets"), ".rs"), targets);
    let manifest = std::fs::read_to_string(here.join("libfuzzer/Cargo.toml")).expect("a manifest");
    for name in &targets {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in the manifest of the programs");
    }
}
