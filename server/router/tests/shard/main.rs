//! The shard's rules, one schedule each, and random worlds.
#![expect(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    clippy::wildcard_enum_match_arm,
    reason = "a broken world fails its test"
)]

mod random;
mod rules;
mod world;
