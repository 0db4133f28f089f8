//! The checker of the promise: what was accepted and for whom, against what the screens show and the API says.
//! It shares no code with what it checks.

#![forbid(unsafe_code)]

pub mod ledger;
pub mod verdict;

pub use ledger::{Accepted, Ledger};
pub use verdict::{Verdict, check_screens, check_statuses};
