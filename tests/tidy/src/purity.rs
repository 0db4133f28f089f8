//! What must be absent from the source of a crate: clocks, sockets, SQL, XML.

use crate::Violations;
use crate::code::{mentions, outside_tests, split};

/// The folders whose code reads no clock, opens nothing, draws nothing and starts nothing: all of that arrives as arguments.
pub const PURE_FOLDERS: &[&str] = &[
    "protocol/src",
    "server/model/src",
    "server/router/src",
    "server/c2s/src",
    "server/worker/src",
    "android-client/core/src",
];

/// Names that a pure crate must not mention in code, tests included.
pub const IMPURE_NAMES: &[&str] = &[
    "tokio",
    "mio",
    "sqlx",
    "rusqlite",
    "axum",
    "getrandom",
    "rand",
    "std::net",
    "std::thread",
    "std::fs",
    "std::env",
    "std::process",
    "std::os",
    "Instant::now",
    "SystemTime",
    "UNIX_EPOCH",
    "TcpStream",
    "UdpSocket",
    "OffsetDateTime::now_utc",
    "Uuid::new_v4",
    "Uuid::now_v7",
];

/// The folder whose handlers have neither SQL nor XML.
pub const API_FOLDER: &str = "server/api/src";

const SQL: &[&str] =
    &["SELECT ", "INSERT INTO", "DELETE FROM", "UPDATE OR ", "CREATE TABLE", "PRAGMA ", "BEGIN IMMEDIATE"];
const XML: &[&str] = &["xmlns", "<message", "<iq", "<presence", "</", "<?xml"];
const POLICY: &[&str] = &["axum", "hyper", "longwire_protocol", "longwire_core", "longwire_router"];
const ENGINES: &[&str] = &["sqlx", "rusqlite", "sqlite", "Sqlite", "SqliteStore", "longwire_store_sqlite"];

/// Checks one Rust file of the tree; `path` is relative to its root, with `/`.
#[must_use]
pub fn check(path: &str, source: &str) -> Violations {
    let parts = split(source);
    let within = |folder: &str| path.starts_with(&format!("{folder}/"));
    if PURE_FOLDERS.iter().any(|folder| within(folder)) {
        return named(path, &parts.code, IMPURE_NAMES, "is pure and must not mention");
    }
    let code = outside_tests(&parts.code);
    let lines = code.lines().count();
    let strings: String = parts.strings.lines().take(lines).map(|line| format!("{line}\n")).collect();
    if within(API_FOLDER) {
        let mut violations = held(path, &strings, SQL, "is HTTP and must hold no SQL:");
        violations.extend(held(path, &strings, XML, "is HTTP and must hold no XML:"));
        return violations;
    }
    if within("server/core/src") || within("server/net/src") || within("server/store/src") {
        return named(path, code, ENGINES, "knows no engine and must not mention");
    }
    if within("server/store-sqlite/src") {
        return named(path, code, POLICY, "is a store and must not mention");
    }
    Vec::new()
}

fn named(path: &str, code: &str, names: &[&str], what: &str) -> Violations {
    let found = names.iter().filter(|name| mentions(code, name));
    found.map(|name| format!("{path} {what} {name}")).collect()
}

fn held(path: &str, strings: &str, patterns: &[&str], what: &str) -> Violations {
    let found = patterns.iter().filter(|pattern| strings.contains(**pattern));
    found.map(|pattern| format!("{path} {what} `{}`", pattern.trim())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_impure_name_is_caught_in_every_pure_folder() {
        for folder in PURE_FOLDERS {
            for name in IMPURE_NAMES {
                let path = format!("{folder}/deep/file.rs");
                assert_eq!(check(&path, &format!("use {name};")).len(), 1, "{path} {name}");
            }
        }
    }

    #[test]
    fn comments_and_other_folders_may_mention_them() {
        assert_eq!(check("protocol/src/a.rs", "//! No tokio here.\nfn mio_like() {}"), Vec::<String>::new());
        assert_eq!(check("server/net/src/a.rs", "use tokio::net;"), Vec::<String>::new());
    }

    #[test]
    fn sql_and_xml_in_the_api_are_caught() {
        assert_eq!(check("server/api/src/a.rs", "let q = \"SELECT 1\";").len(), 1);
        assert_eq!(check("server/api/src/a.rs", "let q = r#\"<message id='1'/>\"#;").len(), 1);
        assert_eq!(check("server/api/src/a.rs", "// SELECT <message\nlet q = \"select a key\";"), Vec::<String>::new());
    }

    #[test]
    fn an_engine_in_the_core_is_caught() {
        assert_eq!(check("server/core/src/a.rs", "use longwire_store_sqlite::X;").len(), 1);
        assert_eq!(check("server/core/src/a.rs", "let s = SqliteStore::open();").len(), 1);
    }

    #[test]
    fn policy_in_a_store_is_caught() {
        assert_eq!(check("server/store-sqlite/src/a.rs", "use longwire_protocol::Jid;").len(), 1);
    }
}
