//! SCRAM-SHA-256 and -PLUS (RFC 5802, 7677; channel binding `tls-exporter`, RFC 9266; downgrade protection, XEP-0474).
//!
//! The server: [`ClientFirst::parse`] → [`ClientFirst::challenge`] → [`Challenged::finish`]. The client: [`Client::new`] →
//! [`Client::handle_challenge`] → [`ClientFinal::verify`]. Each state is a type; none can be used twice.

mod client;
mod message;
mod offer;
mod server;
mod verifier;

pub use client::{Client, ClientBinding, ClientError, ClientFinal};
pub use offer::offer_hash;
pub use server::{Challenged, ClientFirst, ServerBinding};
pub use verifier::Verifier;

/// The fewest iterations that a client accepts (RFC 7677 §4).
pub const ITERATIONS_MIN: u32 = 4_096;
/// The most iterations that a client accepts: about a second of a phone's time.
pub const ITERATIONS_MAX: u32 = 1_000_000;

#[cfg(test)]
mod tests;
