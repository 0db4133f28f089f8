//! The machine against scripted servers.

mod deaths;
mod harness;
mod heartbeat;
mod inbox;
mod login;
mod owed;
mod refusals;
mod register;
mod requests;
mod security;
mod session;
mod targets;
mod waiting;
