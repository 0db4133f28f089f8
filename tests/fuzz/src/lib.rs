//! What is fuzzed, one function per entrance: each takes any bytes and panics when something came of them that must not.
//!
//! `libfuzzer` calls these for hours (`scripts/fuzz`), `tests/fuzz` with the committed corpora on every run of `make test`. The first
//! needs a fuzzer, the second nothing.

#![forbid(unsafe_code)]

mod audience;
mod codec;
pub mod device;
pub mod differential;
mod http;
mod import;
mod sasl;
mod stream;

/// An entrance.
pub struct Target {
    /// Its name, that of its corpus and of its program.
    pub name: &'static str,
    /// Takes any bytes.
    pub run: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "codec", run: codec::run },
    Target { name: "differential", run: differential::run },
    Target { name: "stream", run: stream::run },
    Target { name: "sasl", run: sasl::run },
    Target { name: "notification", run: http::notification },
    Target { name: "androidpn_form", run: http::androidpn_form },
    Target { name: "audience", run: audience::run },
    Target { name: "import", run: import::run },
    Target { name: "device", run: device::run },
];

/// Runs the target of this name.
///
/// # Panics
/// When there is none, or when the target found something.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name).expect("a target of this name");
    (target.run)(data);
}
