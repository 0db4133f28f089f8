//! The managers on the in-memory store, with one worker that owns a real shard.
#![expect(clippy::panic, clippy::wildcard_enum_match_arm, reason = "a broken world fails its test")]

mod androidpn;
mod auth;
mod devices;
mod fast;
mod log;
mod notifications;
mod requests;
mod sessions;
mod updates;
mod user_tokens;
mod world;
