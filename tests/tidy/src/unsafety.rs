//! The inventory of `unsafe`: where it is, how often, and why. Everything else forbids it.

use crate::Violations;
use crate::code::split;

/// A file with `unsafe` code.
pub struct Unsafe {
    /// Relative to the tree's root.
    pub path: &'static str,
    /// How often the word stands in its code.
    pub times: usize,
    /// Why there is no other way, and how it is kept small.
    pub reason: &'static str,
}

/// All of them. A new one is a decision, made here; `SECURITY.md` lists the same files.
pub const INVENTORY: &[Unsafe] = &[
    Unsafe {
        path: "server/daemon/src/allocator.rs",
        times: 2,
        reason: "glibc's malloc_trim and mallopt have no safe way in",
    },
    Unsafe {
        path: "server/store-sqlite/src/trace/observed.rs",
        times: 5,
        reason: "neither sqlx nor rusqlite has a safe way to SQLite's statement trace; compiled for tests only (feature `trace`)",
    },
    Unsafe {
        path: "uniffi-bindings/src/vm.rs",
        times: 5,
        reason: "the virtual machine's handle and Android's log have no safe way in",
    },
];

/// Crates whose root cannot forbid it, with the reason; each denies it, as the whole workspace does, and says `expect` where it is.
pub const NOT_FORBIDDEN: &[(&str, &str)] = &[
    ("server/daemon/src/main.rs", "`allocator` is here: two calls of the allocator"),
    ("server/store-sqlite/src/lib.rs", "forbids it unless the feature `trace` is on, which tests alone switch on"),
    ("uniffi-bindings/src/lib.rs", "UniFFI's macros write the functions that Kotlin calls, and `vm` is here"),
];

/// Checks one Rust file; `path` is relative to the tree's root.
#[must_use]
pub fn check(path: &str, source: &str) -> Violations {
    let code = split(source).code;
    let mut violations = Vec::new();
    let (found, listed) = (times(&code), INVENTORY.iter().find(|file| file.path == path));
    match listed {
        None if found > 0 => violations.push(format!("{path} has unsafe code and is not in the inventory")),
        Some(file) if file.times != found => {
            violations.push(format!("{path} says unsafe {found} times, and {} in the inventory", file.times));
        }
        None | Some(_) => {}
    }
    let is_root = path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs");
    let may_not = NOT_FORBIDDEN.iter().any(|(root, _)| *root == path);
    if is_root && !may_not && !code.contains("#![forbid(unsafe_code)]") {
        violations.push(format!("{path} does not forbid unsafe code"));
    }
    violations
}

/// How often the word stands in code as a word of its own.
fn times(code: &str) -> usize {
    let is_of_word = |c: char| c.is_alphanumeric() || c == '_';
    code.split(|c: char| !is_of_word(c)).filter(|word| *word == "unsafe").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_listed_is_caught() {
        for planted in
            ["unsafe fn a() {}", "fn a() { unsafe { b() } }", "#[unsafe(no_mangle)]", "unsafe impl Send for A {}"]
        {
            assert_eq!(check("a/src/b.rs", planted).len(), 1, "{planted}");
        }
        for harmless in
            ["// unsafe\n", "let a = \"unsafe\";", "#[expect(unsafe_code, reason = \"x\")]", "fn not_unsafe() {}"]
        {
            assert_eq!(check("a/src/b.rs", harmless), Vec::<String>::new(), "{harmless}");
        }
    }

    #[test]
    fn one_more_in_a_listed_file_is_caught_and_one_less() {
        for file in INVENTORY {
            let with = |times: usize| check(file.path, &"unsafe {}\n".repeat(times));
            assert_eq!(with(file.times), Vec::<String>::new());
            assert_eq!((with(file.times + 1).len(), with(file.times - 1).len()), (1, 1));
        }
    }

    #[test]
    fn a_crate_that_does_not_forbid_it_is_caught() {
        assert_eq!(check("a/src/lib.rs", "//! A.\nmod b;\n").len(), 1);
        assert_eq!(check("a/src/main.rs", "//! A.\n// #![forbid(unsafe_code)]\n").len(), 1);
        assert_eq!(check("a/src/lib.rs", "//! A.\n#![forbid(unsafe_code)]\n"), Vec::<String>::new());
        for (root, _) in NOT_FORBIDDEN {
            assert_eq!(check(root, "//! A.\n"), Vec::<String>::new());
        }
    }
}
