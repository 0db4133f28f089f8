//! The machine against scripted servers.

mod harness;
mod inbox;
mod login;
mod session;
mod targets;
mod waiting;
