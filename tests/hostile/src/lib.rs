//! The catalogue of hostile input: what there is, where each case is held, and what comes later.

#![forbid(unsafe_code)]

pub mod catalogue;
pub mod source;

pub use catalogue::{Catalogue, Violations};
