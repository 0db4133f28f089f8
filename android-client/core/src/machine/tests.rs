//! The machine against scripted servers.

mod deaths;
mod harness;
mod inbox;
mod login;
mod owed;
mod register;
mod session;
mod targets;
mod waiting;
