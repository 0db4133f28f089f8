//! The dependency rule of the crates: who may use whom, and what no crate of a kind may pull in.

use std::collections::{BTreeMap, BTreeSet};

use crate::Violations;

/// One crate of the workspace and what of the workspace its normal dependencies may name. A crate that is not here is an error.
/// The order is the direction: everything points to the left of itself or to `protocol`.
pub const ALLOWED: &[(&str, &[&str])] = &[
    ("longwire-protocol", &[]),
    ("longwire-model", &[]),
    ("longwire-store", &["longwire-model"]),
    ("longwire-store-sqlite", &["longwire-model", "longwire-store"]),
    ("longwire-router", &["longwire-model", "longwire-store"]),
    ("longwire-c2s", &["longwire-protocol"]),
    ("longwire-core", &["longwire-model", "longwire-store", "longwire-router", "longwire-protocol"]),
    (
        "longwire-worker",
        &["longwire-c2s", "longwire-core", "longwire-router", "longwire-model", "longwire-store", "longwire-protocol"],
    ),
    (
        "longwire-net",
        &["longwire-worker", "longwire-c2s", "longwire-core", "longwire-router", "longwire-model", "longwire-protocol"],
    ),
    ("longwire-api", &["longwire-core", "longwire-model"]),
    (
        "longwire",
        &[
            "longwire-core",
            "longwire-model",
            "longwire-store",
            "longwire-store-sqlite",
            "longwire-net",
            "longwire-api",
            "longwire-protocol",
        ],
    ),
    ("longwire-client", &["longwire-protocol"]),
    ("longwire-client-store", &["longwire-client", "longwire-protocol"]),
    ("longwire-driver", &["longwire-client", "longwire-protocol"]),
    ("longwire-device", &["longwire-client", "longwire-client-store", "longwire-driver", "longwire-protocol"]),
    ("longwire-push-ffi", &["longwire-client", "longwire-client-store", "longwire-driver", "longwire-protocol"]),
    ("longwire-bindgen", &[]),
];

/// What a crate's own dependency list must not name.
pub const FORBIDDEN_DIRECT: &[(&str, &[&str])] = &[
    (
        "longwire-api",
        &["sqlx", "rusqlite", "quick-xml", "longwire-store", "longwire-store-sqlite", "longwire-protocol"],
    ),
    (
        "longwire-core",
        &["sqlx", "rusqlite", "mio", "axum", "rustls", "tokio-rustls", "quick-xml", "longwire-store-sqlite"],
    ),
    ("longwire-store", &["axum", "tokio", "sqlx", "rusqlite", "longwire-protocol"]),
    ("longwire-store-sqlite", &["axum", "hyper", "rustls", "longwire-protocol", "longwire-core", "longwire-router"]),
    ("longwire-worker", &["tokio", "mio", "socket2", "rustls", "axum", "sqlx", "rusqlite", "longwire-store-sqlite"]),
    ("longwire-net", &["axum", "sqlx", "rusqlite", "longwire-store-sqlite"]),
    ("longwire-client-store", &["sqlx", "rusqlite", "tokio"]),
    ("longwire-driver", &["sqlx", "rusqlite", "clap", "rustls-native-certs", "simple-dns"]),
    ("longwire-push-ffi", &["sqlx", "rusqlite", "clap", "rustls-native-certs", "simple-dns"]),
];

/// The crates without runtime, sockets, clock or randomness: none of [`IMPURE`] anywhere below them.
pub const PURE: &[&str] =
    &["longwire-protocol", "longwire-model", "longwire-router", "longwire-c2s", "longwire-client"];

/// Crates that bring a runtime, sockets, a database or randomness.
pub const IMPURE: &[&str] = &[
    "tokio",
    "mio",
    "sqlx",
    "rusqlite",
    "getrandom",
    "rand",
    "axum",
    "hyper",
    "async-std",
    "smol",
    "socket2",
    "fastrand",
];

/// Crates that may be nowhere in the tree: TLS is rustls with ring.
pub const FORBIDDEN_ANYWHERE: &[&str] = &["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

/// Normal dependencies by crate: what each manifest of the workspace names.
pub type Edges = BTreeMap<String, BTreeSet<String>>;

/// Holds the manifests against [`ALLOWED`] and [`FORBIDDEN_DIRECT`]. `tests` are the crates under `tests/`: they may use everything,
/// and nothing else may use them.
#[must_use]
pub fn check(edges: &Edges, tests: &BTreeSet<String>) -> Violations {
    let mut violations = Vec::new();
    for (krate, dependencies) in edges.iter().filter(|(krate, _)| !tests.contains(*krate)) {
        let Some((_, allowed)) = ALLOWED.iter().find(|(name, _)| name == krate) else {
            violations.push(format!("{krate} is not in the table of allowed dependencies: say there what it may use"));
            continue;
        };
        let forbidden = FORBIDDEN_DIRECT.iter().find(|(name, _)| name == krate).map_or(&[][..], |(_, list)| list);
        for dependency in dependencies {
            let inside = edges.contains_key(dependency);
            if inside && !allowed.contains(&dependency.as_str()) {
                violations.push(format!("{krate} must not depend on {dependency}"));
            } else if forbidden.contains(&dependency.as_str()) {
                violations.push(format!("{krate} must not name {dependency}"));
            }
        }
    }
    violations
}

/// Holds everything below a pure crate (its own normal dependencies, transitively) against [`IMPURE`].
#[must_use]
pub fn check_purity(krate: &str, below: &BTreeSet<String>) -> Violations {
    let impure = below.iter().filter(|name| IMPURE.contains(&name.as_str()));
    impure.map(|name| format!("{krate} is pure and must not have {name} below it")).collect()
}

/// Holds all packages of the tree against [`FORBIDDEN_ANYWHERE`].
#[must_use]
pub fn check_banned(packages: &BTreeSet<String>) -> Violations {
    let banned = packages.iter().filter(|name| FORBIDDEN_ANYWHERE.contains(&name.as_str()));
    banned.map(|name| format!("{name} is in the dependency tree")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn edges(planted: &[(&str, &[&str])]) -> Edges {
        let mut edges: Edges = ALLOWED.iter().map(|(name, allowed)| ((*name).to_owned(), set(allowed))).collect();
        edges.insert("longwire-test-support".to_owned(), set(&["longwire-core"]));
        edges.extend(planted.iter().map(|(name, list)| ((*name).to_owned(), set(list))));
        edges
    }

    fn checked(edges: &Edges) -> Violations {
        check(edges, &set(&["longwire-test-support"]))
    }

    #[test]
    fn the_table_itself_passes() {
        assert_eq!(checked(&edges(&[])), Vec::<String>::new());
    }

    #[test]
    fn an_edge_against_the_direction_is_caught() {
        for (from, to) in [
            ("longwire-protocol", "longwire-model"),
            ("longwire-core", "longwire-store-sqlite"),
            ("longwire-api", "longwire-store"),
            ("longwire-net", "longwire-test-support"),
            ("longwire-worker", "longwire-net"),
            ("longwire-client", "longwire-core"),
            ("longwire-router", "longwire-core"),
        ] {
            assert_eq!(checked(&edges(&[(from, &[to])])), [format!("{from} must not depend on {to}")]);
        }
    }

    #[test]
    fn a_forbidden_external_is_caught() {
        assert_eq!(checked(&edges(&[("longwire-api", &["sqlx"])])), ["longwire-api must not name sqlx"]);
        assert_eq!(
            checked(&edges(&[("longwire-store-sqlite", &["axum"])])),
            ["longwire-store-sqlite must not name axum"]
        );
    }

    #[test]
    fn an_unknown_crate_is_caught() {
        assert_eq!(checked(&edges(&[("longwire-new", &[])])).len(), 1);
    }

    #[test]
    fn impurity_is_caught_at_any_depth() {
        assert_eq!(check_purity("longwire-c2s", &set(&["time", "serde"])), Vec::<String>::new());
        for impure in IMPURE {
            assert_eq!(check_purity("longwire-c2s", &set(&["time", impure])).len(), 1, "{impure}");
        }
    }

    #[test]
    fn another_tls_is_caught() {
        assert_eq!(check_banned(&set(&["ring", "rustls"])), Vec::<String>::new());
        assert_eq!(check_banned(&set(&["ring", "openssl-sys", "aws-lc-rs"])).len(), 2);
    }
}
