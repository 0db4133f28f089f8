//! What the tests of running programs share: real processes, an HTTP client, raw XMPP streams, screens, waiting for conditions.
//! Blocking and plain on purpose: a test reads as the steps that a person would take.

#![forbid(unsafe_code)]

pub mod dns;
pub mod http;
pub mod keep;
pub mod middle;
pub mod nat;
pub mod phones;
pub mod process;
pub mod screen;
pub mod seed;
pub mod server;
pub mod tracer;
pub mod wait;
pub mod wire;

pub use dns::Dns;
pub use http::{Client, Failure, Response};
pub use nat::Nat;
pub use phones::{PhoneOptions, Phones};
pub use seed::Chance;
pub use server::{Ready, Server, ServerOptions};
pub use tempfile::TempDir;
pub use tracer::Tracer;
pub use wait::until;
pub use wire::Wire;

/// How long anything that should happen at once may take on a busy machine.
pub const SOON: std::time::Duration = std::time::Duration::from_secs(20);

/// A new empty folder, removed when dropped.
///
/// # Panics
/// The machine has no room for it.
#[must_use]
pub fn folder() -> TempDir {
    tempfile::Builder::new().prefix("longwire-").tempdir().expect("a temporary folder can be made")
}
