//! The phone's side of Longwire for Kotlin: a flat mirror of the client core and its driver, without protocol of its own.
//!
//! Kotlin owns what is the platform's (database, alarms, certificates, screen) behind [`Platform`]; everything else is decided in Rust.

mod client;
mod config;
mod engine;
mod error;
mod log;
mod mailbox;
mod notification;
mod phone;
mod platform;
mod self_test;
mod settings;
mod shared;
mod state;
mod store;
mod vm;

pub use client::PushClient;
pub use config::{ClientCertificate, NetworkFacts, PushConfig, TlsMode, Trust};
pub use error::{PlatformError, PushError};
pub use notification::{InboxItem, PushAction, PushNotification};
pub use platform::{LogLevel, Platform, SqlValue};
pub use self_test::{self_test, self_test_panic};
pub use state::PushState;

uniffi::setup_scaffolding!();

/// The version of this library, that of its Kotlin.
#[uniffi::export]
#[must_use]
pub fn version() -> String {
    env!("CARGO_PKG_VERSION").to_owned()
}

#[cfg(test)]
#[expect(dead_code, reason = "the store's tests ask it for less than the phone's")]
#[path = "../tests/support/platform.rs"]
mod platform_for_tests;
