//! Faults from outside into the release binaries, and the one checker of what must hold after each: the sender's ledger (every 2xx)
//! against every screen and against what the API tells. It shares no code with what it checks but the form of instants.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a case says what it did, and a case that cannot run here says why")]

pub mod api;
pub mod bench;
pub mod case;
pub mod check;
pub mod database;
pub mod drill;
pub mod footprint;
pub mod inject;
pub mod ledger;
pub mod level;
pub mod mix;
pub mod sender;
pub mod skips;

pub use bench::Bench;
pub use case::{Case, run, run_within};
pub use check::{Invariant, Seen, Verdict, check};
pub use ledger::{Ledger, Posted};
pub use level::Level;
pub use mix::{Kind, Mix};
pub use sender::{Sending, Terms};
pub use skips::Need;
