//! The rules of the house that no compiler checks, as pure functions from text to violations; `tests/tree.rs` holds them against the
//! real tree, and every rule has a test here that plants a violation and sees it caught.

#![forbid(unsafe_code)]

pub mod code;
pub mod dialect;
pub mod docs;
pub mod edges;
pub mod licences;
pub mod purity;
pub mod quotes;
pub mod text;
pub mod tree;
pub mod unsafety;

/// What a rule found: sentences that name the place, empty when the rule holds.
pub type Violations = Vec<String>;
