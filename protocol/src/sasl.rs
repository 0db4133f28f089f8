//! SASL as XMPP uses it: PLAIN (RFC 4616), SCRAM-SHA-256 (RFC 5802, 7677) and HT-SHA-256 (draft-schmaus-kitten-sasl-ht-09).
//!
//! Pure state machines: nonces and channel-binding data are arguments. Every comparison of a secret is in constant time.

pub mod base64;
mod condition;
pub mod ht;
pub mod plain;
mod prep;
pub mod scram;

pub use condition::{Failure, SaslCondition};
pub use plain::Plain;
pub use prep::{PasswordError, prepare_password};

/// `PLAIN`.
pub const PLAIN: &str = "PLAIN";
/// `SCRAM-SHA-256`.
pub const SCRAM_SHA_256: &str = "SCRAM-SHA-256";
/// `SCRAM-SHA-256` with channel binding.
pub const SCRAM_SHA_256_PLUS: &str = "SCRAM-SHA-256-PLUS";
/// `HT-SHA-256` without channel binding.
pub const HT_SHA_256_NONE: &str = "HT-SHA-256-NONE";
/// `HT-SHA-256` with the channel binding `tls-exporter`.
pub const HT_SHA_256_EXPR: &str = "HT-SHA-256-EXPR";
/// The channel-binding type of TLS 1.3 (RFC 9266).
pub const TLS_EXPORTER: &str = "tls-exporter";
/// The label under which the data of `tls-exporter` is exported; with an empty context, 32 bytes (RFC 9266 §2).
pub const TLS_EXPORTER_LABEL: &str = "EXPORTER-Channel-Binding";
