//! Extensions and negotiations, one file per specification.

pub mod json;
